# The facts of test_spec.py, gathered by hand in one go: what no general tool can be faster than.
# Prints a line for each of the 45 that is not so, and how many were looked at.
n=0
is() { n=$((n + 1)); "$@" >/dev/null 2>&1 || echo "not so: $*"; }
isnt() { n=$((n + 1)); "$@" >/dev/null 2>&1 && echo "so: $*"; }
installed() { dpkg-query -f '${Status}' -W "$1" | grep -qx 'install ok installed'; }
about() { [ "$(stat -c "$3" "$1")" = "$2" ]; }
has() { case $(cat "$1") in *"$2"*) ;; *) return 1 ;; esac; }
says() { word=$1; shift; case $("$@") in *"$word"*) ;; *) return 1 ;; esac; }
serves() { systemctl is-active -q "$1" && systemctl is-enabled -q "$1"; }
listens() { [ -n "$(ss -Hln "$1" "src $2")" ]; }
is installed nginx
is installed openssh-server
is installed sudo
is installed fail2ban
isnt installed telnetd
is about /etc/passwd '644 root root' '%a %U %G'
is about /etc/shadow '640 root shadow' '%a %U %G'
is about /etc/sudoers '440 root' '%a %U'
is grep -q Include /etc/ssh/sshd_config
is test -d /etc/ssh/sshd_config.d
is about /etc/nginx/nginx.conf root %U
grep -q worker_connections /etc/nginx/nginx.conf || echo "not so: nginx.conf"
is test -L /etc/nginx/sites-enabled/app
isnt test -e /etc/nginx/sites-enabled/default
is has /srv/app/index.html 'It works on my server'
is about /srv/app/index.html 644 %a
is about /srv/app '755 directory' '%a %F'
is has /etc/hostname web
is has /etc/machine-info training
is about /srv/team 'team directory' '%G %F'
is about /etc/tally/secret.env 'root tally' '%U %G'
is says :/bin/bash getent passwd deployer
is says sudo id -nG deployer
is says :/usr/sbin/nologin getent passwd www-data
is getent group team
is getent group tally
is serves nginx
is serves ssh
is serves fail2ban
is serves nsd
is systemctl is-active -q apt-daily.timer
is listens -t 0.0.0.0:22
is listens -t 0.0.0.0:80
is listens -t 127.0.0.1:53
is listens -u 127.0.0.1:53
isnt listens -t :23
isnt listens -t :3306
is nginx -t
is says 'permitrootlogin no' /usr/sbin/sshd -T
is says 'passwordauthentication no' /usr/sbin/sshd -T
is visudo -c -f /etc/sudoers
is says 'It works on my server' curl -s -i -H 'Host: app.test' http://127.0.0.1/
is says '404 Not Found' curl -s -i -H 'Host: app.test' http://127.0.0.1/nowhere
is says -Content-Type-Options curl -s -I -H 'Host: app.test' http://127.0.0.1/
is says . dig @127.0.0.1 +short app.test A
is says www-data ps -o user:32= -C nginx
echo "looked at $n"
