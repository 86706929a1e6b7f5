"""Read by gunicorn where it is started beside this file; its log lines become JSON like ours.

Where to listen and with how many workers is for whoever runs the service to say.
"""

import os

from postcards.logs import logging_config

logconfig_dict = logging_config(os.environ.get("LOG_LEVEL", "INFO"))
control_socket_disable = True  # nothing here uses it, and it is one more door
