"""The dead man's switch on the machine: what is laid there, and the scripts that set and disarm it.

All run as root, in ``/bin/sh``.
"""

FOLDER = "/var/lib/stackwalk-undo"
UNIT = "/etc/systemd/system/stackwalk-undo.service"
HERE = "/run/stackwalk-undo"  # gone after a restart, and the timer with it

# In FOLDER stands exactly one of armed, undoing, undone, kept. Who renames `armed` first has won:
# the timer and a late `keep` cannot both have their way.
RUN = f"""\
# Laid here by stackwalk before a hazard cell: takes its change back. Removed by `stackwalk keep`.
cd {FOLDER} || exit 1
mv armed undoing 2>/dev/null || {{ [ -e undoing ] && [ ! -e {HERE} ]; }} || exit 0
cause=unconfirmed; [ -e {HERE} ] || cause=restart
/bin/sh ./command >said 2>&1
echo "$(date +%s) $? $cause" >undoing
mv undoing undone
systemctl --quiet disable stackwalk-undo.service
rm -f {UNIT} {HERE}
systemctl daemon-reload
"""
# Enabled as long as it is armed, so that a restart in between takes the change back as well.
SERVICE = f"""\
[Unit]
Description=Take back a change that nobody confirmed (stackwalk keep)
After=network.target ssh.service nftables.service ufw.service fail2ban.service

[Service]
Type=oneshot
ExecStart=/bin/sh {FOLDER}/run

[Install]
WantedBy=multi-user.target
"""
ARM = f"""\
set -eu
mkdir -p -m 700 {FOLDER}
cd {FOLDER}
cat >command.new
again=no
if [ -e undoing ]; then echo undoing; exit; fi
if [ -e armed ]; then
    again=yes
    if ! cmp -s command command.new; then
        echo "other $(( $(cat armed) - $(cut -d. -f1 /proc/uptime) ))"; cat command; exit
    fi
    systemctl stop stackwalk-undo.timer 2>/dev/null || :
    if [ ! -e armed ]; then echo undoing; exit; fi
fi
rm -f kept undone said
mv command.new command
cat >run <<'END'
{RUN}END
cat >{UNIT} <<'END'
{SERVICE}END
systemctl daemon-reload
systemctl --quiet enable stackwalk-undo.service
: >{HERE}
echo "$(( $(cut -d. -f1 /proc/uptime) + WITHIN ))" >armed.new
mv armed.new armed
systemd-run --quiet --unit=stackwalk-undo.service --on-active=WITHINs \\
    --timer-property=AccuracySec=100ms
systemctl is-active --quiet stackwalk-undo.timer
echo "armed $again"
"""
DISARM = f"""\
    systemctl stop stackwalk-undo.timer 2>/dev/null || :
    systemctl --quiet disable stackwalk-undo.service
    rm -f {UNIT} {HERE}
    systemctl daemon-reload
"""
KEEP = f"""\
cd {FOLDER} 2>/dev/null || {{ echo nothing; exit; }}
if mv armed kept 2>/dev/null; then
{DISARM}    echo now
elif [ -e kept ]; then echo kept
elif [ -e undoing ]; then echo undoing
elif [ -e undone ]; then echo "undone $(cat undone)"; cat command said
else echo nothing
fi
"""
CANCEL = f"""\
cd {FOLDER}
if mv armed cancelled 2>/dev/null; then
{DISARM}fi
rm -f cancelled
"""
