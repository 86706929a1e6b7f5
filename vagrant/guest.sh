# What a machine is made of, for both builds: sourced by build-image and build-box (POSIX sh).
# The machine looks like what a provider hands over: Debian, sshd, one account with sudo and a key.

SUITE=trixie
MIRROR=${STACKWALK_DEBIAN_MIRROR:-http://deb.debian.org/debian}
PACKAGES='systemd systemd-sysv libpam-systemd dbus openssh-server sudo python3 ca-certificates
    iproute2 iputils-ping procps curl less nano vim-tiny man-db netbase tzdata apt-utils'

# Vagrant's public key: it opens a new machine once, then Vagrant replaces it by one of its own.
INSECURE_KEY='ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key'

say() { printf '%s\n' "$*" >&2; }

# The same files make the same machine, so their hash names the result.
recipe() { cat "$@" | sha256sum | cut -c1-12; }

need() {
    for tool in "$@"; do
        command -v "$tool" >/dev/null && continue
        say "$tool is missing. On Debian or Ubuntu: sudo apt-get install $tool"
        exit 3
    done
}

# make_root FILE.tar [more packages]
make_root() {
    STACKWALK_GUEST=$here/guest.sh mmdebstrap --quiet --variant=minbase \
        --include="$(echo $PACKAGES ${2:-})" --aptopt='Acquire::Retries "3"' \
        --customize-hook='. "$STACKWALK_GUEST" && customise "$1"' "$SUITE" "$1" "$MIRROR"
}

# customise ROOT: all that Debian's packages do not do by themselves.
customise() {
    set -eu
    root=$1
    chroot "$root" useradd --create-home --shell /bin/bash --password '*' vagrant
    chroot "$root" install -d -m 700 -o vagrant -g vagrant /home/vagrant/.ssh
    echo "$INSECURE_KEY" >"$root/home/vagrant/.ssh/authorized_keys"
    chroot "$root" chown vagrant:vagrant /home/vagrant/.ssh/authorized_keys
    chmod 600 "$root/home/vagrant/.ssh/authorized_keys"
    echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
    chmod 440 "$root/etc/sudoers.d/vagrant"
    echo 'LANG=C.UTF-8' >"$root/etc/default/locale"
    write_sources
    write_host_key_unit
    # Host keys and machine-id belong to one machine: made at its first boot, never here.
    # mmdebstrap copies the builder's name and resolver: not ours to hand on.
    rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id" "$root/etc/resolv.conf"
    echo debian >"$root/etc/hostname"
    : >"$root/etc/machine-id"
    chroot "$root" systemctl --quiet enable ssh-host-keys.service ssh.service
}

write_sources() {
    rm -f "$root/etc/apt/sources.list" "$root/etc/apt/sources.list.d/"*
    cat >"$root/etc/apt/sources.list.d/debian.sources" <<SOURCES
Types: deb
URIs: http://deb.debian.org/debian
Suites: $SUITE $SUITE-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.debian.org/debian-security
Suites: $SUITE-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
}

write_host_key_unit() {
    cat >"$root/etc/systemd/system/ssh-host-keys.service" <<'UNIT'
[Unit]
Description=Make this machine's own SSH host keys
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
UNIT
}

PATH=$PATH:/usr/sbin:/sbin
