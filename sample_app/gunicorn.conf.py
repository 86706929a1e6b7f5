"""Read by gunicorn where it is started beside this file.

Where to listen and with how many workers is for whoever runs the service to say.
"""

import os

from postcards.logs import logging_config

logconfig_dict = logging_config(os.environ.get("LOG_LEVEL", "INFO"))

# Whom to believe is TRUSTED_PROXIES' matter alone. By default gunicorn, too, believes whoever comes
# over the loopback or a Unix socket, also where a web server passes on what a visitor made up.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

control_socket_disable = True  # nothing here uses it, and it is one more door
