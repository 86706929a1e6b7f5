"""The big spec of the benchmark: 45 plain testinfra tests of a machine that has met chapter 04.

They look at what such specs usually look at: packages, files, accounts, services, sockets,
configuration, answers. ``limit.sh`` gathers the same facts in one go, ``spec.rb`` is its twin.
"""

from testinfra.host import Host

MARK = "It works on my server"


def test_package_nginx(web: Host) -> None:
    assert web.package("nginx").is_installed


def test_package_openssh(web: Host) -> None:
    assert web.package("openssh-server").is_installed


def test_package_sudo(web: Host) -> None:
    assert web.package("sudo").is_installed


def test_package_fail2ban(web: Host) -> None:
    assert web.package("fail2ban").is_installed


def test_package_telnetd_absent(web: Host) -> None:
    assert not web.package("telnetd").is_installed


def test_passwd_mode(web: Host) -> None:
    file = web.file("/etc/passwd")
    assert file.mode == 0o644
    assert file.user == "root"
    assert file.group == "root"


def test_shadow_mode(web: Host) -> None:
    file = web.file("/etc/shadow")
    assert file.mode == 0o640
    assert file.user == "root"
    assert file.group == "shadow"


def test_sudoers_mode(web: Host) -> None:
    file = web.file("/etc/sudoers")
    assert file.mode == 0o440
    assert file.user == "root"


def test_sshd_config(web: Host) -> None:
    file = web.file("/etc/ssh/sshd_config")
    assert file.is_file
    assert file.contains("Include")


def test_sshd_drop_ins(web: Host) -> None:
    assert web.file("/etc/ssh/sshd_config.d").is_directory


def test_nginx_conf(web: Host) -> None:
    file = web.file("/etc/nginx/nginx.conf")
    assert file.is_file
    assert file.user == "root"
    assert file.contains("worker_connections")


def test_site_enabled(web: Host) -> None:
    file = web.file("/etc/nginx/sites-enabled/app")
    assert file.is_symlink


def test_default_site_absent(web: Host) -> None:
    assert not web.file("/etc/nginx/sites-enabled/default").exists


def test_index_page(web: Host) -> None:
    file = web.file("/srv/app/index.html")
    assert file.exists
    assert MARK in file.content_string


def test_index_mode(web: Host) -> None:
    assert web.file("/srv/app/index.html").mode == 0o644


def test_web_root(web: Host) -> None:
    file = web.file("/srv/app")
    assert file.is_directory
    assert file.mode & 0o005


def test_hostname(web: Host) -> None:
    assert web.file("/etc/hostname").content_string.strip() == "web"


def test_machine_info(web: Host) -> None:
    assert "training" in web.file("/etc/machine-info").content_string


def test_team_folder(web: Host) -> None:
    file = web.file("/srv/team")
    assert file.is_directory
    assert file.group == "team"


def test_secret(web: Host) -> None:
    file = web.file("/etc/tally/secret.env")
    assert file.user == "root"
    assert file.group == "tally"


def test_deployer(web: Host) -> None:
    user = web.user("deployer")
    assert user.exists
    assert user.shell == "/bin/bash"


def test_deployer_in_sudo(web: Host) -> None:
    assert "sudo" in web.user("deployer").groups


def test_www_data_cannot_log_in(web: Host) -> None:
    assert web.user("www-data").shell == "/usr/sbin/nologin"


def test_group_team(web: Host) -> None:
    assert web.group("team").exists


def test_group_tally(web: Host) -> None:
    assert web.group("tally").exists


def test_nginx_runs(web: Host) -> None:
    service = web.service("nginx")
    assert service.is_running
    assert service.is_enabled


def test_ssh_runs(web: Host) -> None:
    service = web.service("ssh")
    assert service.is_running
    assert service.is_enabled


def test_fail2ban_runs(web: Host) -> None:
    service = web.service("fail2ban")
    assert service.is_running
    assert service.is_enabled


def test_nsd_runs(web: Host) -> None:
    service = web.service("nsd")
    assert service.is_running
    assert service.is_enabled


def test_apt_daily_runs(web: Host) -> None:
    assert web.run("systemctl is-active apt-daily.timer").rc == 0


def test_port_22(web: Host) -> None:
    assert web.socket("tcp://0.0.0.0:22").is_listening


def test_port_80(web: Host) -> None:
    assert web.socket("tcp://0.0.0.0:80").is_listening


def test_port_53_loopback(web: Host) -> None:
    assert web.socket("tcp://127.0.0.1:53").is_listening


def test_port_53_udp(web: Host) -> None:
    assert web.socket("udp://127.0.0.1:53").is_listening


def test_port_23_shut(web: Host) -> None:
    assert not web.socket("tcp://23").is_listening


def test_port_3306_shut(web: Host) -> None:
    assert not web.socket("tcp://3306").is_listening


def test_nginx_reads_its_files(web: Host) -> None:
    assert web.run("nginx -t").rc == 0


def test_sshd_root_off(web: Host) -> None:
    assert "permitrootlogin no" in web.run("/usr/sbin/sshd -T").stdout


def test_sshd_passwords_off(web: Host) -> None:
    assert "passwordauthentication no" in web.run("/usr/sbin/sshd -T").stdout


def test_sudo_reads_its_files(web: Host) -> None:
    assert web.run("visudo -c -f /etc/sudoers").rc == 0


def test_front_page(web: Host) -> None:
    answer = web.run("curl -s -i -H 'Host: app.test' http://127.0.0.1/")
    assert "200 OK" in answer.stdout
    assert MARK in answer.stdout


def test_missing_page(web: Host) -> None:
    answer = web.run("curl -s -i -H 'Host: app.test' http://127.0.0.1/nowhere")
    assert "404 Not Found" in answer.stdout


def test_headers(web: Host) -> None:
    answer = web.run("curl -s -I -H 'Host: app.test' http://127.0.0.1/")
    assert "x-content-type-options" in answer.stdout.lower()


def test_zone(web: Host) -> None:
    assert web.run("dig @127.0.0.1 +short app.test A").stdout.strip()


def test_nginx_owner(web: Host) -> None:
    assert "www-data" in web.run("ps -o user:32= -C nginx").stdout
