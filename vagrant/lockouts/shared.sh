# What the looks and mends of all lock-outs share: sent before them, run as root on the machine by
# POSIX sh, through the back door. Before it come ENGINE and LEARNER, two accounts, and ENGINE_KEY
# and LEARNER_KEY, their public keys.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C.UTF-8 SYSTEMD_COLORS=0
umask 022
mkdir -p /run/sshd # sshd refuses even to read its configuration without it

home_of() { getent passwd "$1" | cut -d: -f6; }

# Whose way in counts: the engine's, and the learner's once there is a key for it.
users() {
    echo "$ENGINE"
    [ -n "$LEARNER_KEY" ] && id -u "$LEARNER" >/dev/null 2>&1 &&
        [ -e "$(home_of "$LEARNER")/.ssh/authorized_keys" ] && echo "$LEARNER"
    return 0
}

key_of() { [ "$1" = "$ENGINE" ] && echo "$ENGINE_KEY" || echo "$LEARNER_KEY"; }

# The addresses under which this machine may see the laptop: its gateways, the first addresses of
# its networks, and where the engine's logins came from.
find_laptops() {
    {
        ip -4 route show default | awk '{ print $3 }'
        ip -4 -o address show scope global | awk '{ sub(/\.[0-9]+\/.*/, ".1", $4); print $4 }'
        journalctl --unit=ssh --output=cat --lines=500 2>/dev/null |
            sed -n "s/^Accepted publickey for $ENGINE from \([0-9.]*\) .*/\1/p"
    } | awk '!seen[$0]++'
}

# Looked up once for all looks: an emulated machine starts a program in a second.
LAPTOPS=$(find_laptops)
laptops() { echo "$LAPTOPS"; }

# The files sshd reads, in the order it reads them (Debian's Include stands at the top).
sshd_files() {
    awk 'tolower($1) == "include" { for (i = 2; i <= NF; i++) print $i }' /etc/ssh/sshd_config |
        while read -r pattern; do
            case $pattern in /*) ;; *) pattern=/etc/ssh/$pattern ;; esac
            for file in $pattern; do [ -f "$file" ] && echo "$file"; done
        done
    echo /etc/ssh/sshd_config
}

# sshd_lines WORD...: where sshd reads these keywords, as file:line:text.
sshd_lines() {
    for word in "$@"; do
        sshd_files | xargs -r grep -HniE "^[[:space:]]*$word([[:space:]]|=)"
    done
}

# sshd_says USER WORD: the values in force when that account logs in from the laptop.
SAID=$(
    for user in $(users); do
        sshd -T -C "user=$user,host=laptop,addr=${LAPTOPS%%[!0-9.]*}" 2>/dev/null |
            sed "s/^/$user /"
    done
)
sshd_says() {
    printf '%s\n' "$SAID" |
        awk -v user="$1" -v word="$2" '$1 == user && $2 == word { sub(/^[^ ]+ [^ ]+ /, ""); print }'
}

# listens PORT: what listens there for the network, not only for the machine itself.
listens() { ss -Hltn "sport = :$1" | awk '$4 !~ /^(127\.|\[::1\])/ { found = 1 } END { exit !found }'; }

# show FILE:LINE:TEXT becomes FILE:LINE: TEXT, trimmed: the evidence.
show() { printf '%s\n' "$1" | sed -E 's/^([^:]+:[0-9]+):[[:space:]]*/\1: /'; }

# unreadable: the first line sshd cannot read, as FILE LINE what sshd says of it.
unreadable() {
    sshd -t 2>&1 | tr -d '\r' | sed -nE 's/^([^ :]+):? line ([0-9]+): (.*)/\1 \2 \3/p' | head -n 1
}

# keep FILE: a copy beside it, before it is changed.
keep() {
    cp --archive --backup=numbered "$1" "$1.before-rescue" && echo "kept $1.before-rescue"
}

# off FILE LINE: makes one line a comment.
off() {
    keep "$1" && sed -i "$2s/^/# stackwalk rescue: /" "$1" && echo "changed $1:$2, now a comment"
}

# sshd reads its files again; sessions that are open stay open.
ssh_again() {
    sshd -t || return
    systemctl reset-failed ssh.service ssh.socket 2>/dev/null
    # systemd may lose sight of a running sshd (disabled and enabled again), which then holds port 22.
    if ! systemctl --quiet is-active ssh.service && pkill -f '^sshd: .*\[listener\]'; then
        timeout 5 sh -c 'while pgrep -f "^sshd: .*\[listener\]" >/dev/null; do sleep 0.1; done'
    fi
    if systemctl --quiet is-active ssh.socket; then
        systemctl stop ssh.service && systemctl restart ssh.socket
    else
        systemctl restart ssh.service
    fi
}

# drops: which chain drops a new connection from the laptop to port 22, by walking the rules.
drops() {
    nft --json list ruleset 2>/dev/null | LAPTOPS=$(laptops) python3 -c '
import json, os, sys
laptops = os.environ["LAPTOPS"].split()
items = json.load(sys.stdin)["nftables"]
chains = {}
for item in items:
    if "chain" in item:
        chain = item["chain"]
        chains[chain["family"], chain["table"], chain["name"]] = chain | {"rules": []}
sets = {(s["family"], s["table"], s["name"]): s.get("elem", [])
        for item in items for s in [item.get("set")] if s}
for item in items:
    if "rule" in item:
        rule = item["rule"]
        chains[rule["family"], rule["table"], rule["chain"]]["rules"].append(rule)
US = {"dport": [22], "saddr": laptops, "state": ["new"], "protocol": ["tcp", 6], "l4proto": ["tcp", 6]}

def holds(values, right, home):
    """Whether one of our values is what stands on the right side of a match."""
    if isinstance(right, str) and right.startswith("@"):
        right = {"set": sets.get((*home, right[1:]), [])}
    if isinstance(right, dict) and "set" in right:
        return any(holds(values, one, home) for one in right["set"])
    if isinstance(right, list):
        return any(holds(values, one, home) for one in right)
    if isinstance(right, dict) and "elem" in right:
        return holds(values, right["elem"]["val"], home)
    if isinstance(right, dict) and "range" in right:
        low, high = right["range"]
        return any(isinstance(v, int) and low <= v <= high for v in values)
    return right in values

def applies(rule, home):
    """Whether a rule is about us; what it asks that we do not know counts as no."""
    for part in rule["expr"]:
        if "match" not in part:
            continue
        left, match = part["match"]["left"], part["match"]
        what = left.get("payload", {}).get("field") or left.get("ct", left.get("meta", {})).get("key")
        if what not in US or holds(US[what], match["right"], home) != (match["op"] != "!="):
            return False
    return True

def verdict(chain, depth=0):
    """accept, drop and the rule, or nothing decided."""
    home = chain["family"], chain["table"]
    for rule in chain["rules"]:
        if depth > 8 or not applies(rule, home):
            continue
        for part in rule["expr"]:
            for word in ("accept", "drop", "reject"):
                if word in part:
                    return word, rule
            target = part.get("jump", part.get("goto", {})).get("target")
            if target:
                found = verdict(chains[(*home, target)], depth + 1)
                if found:
                    return found
    return None

found = False
for (family, table, name), chain in chains.items():
    foreign = table.startswith("f2b") or any("ufw" in n for f, t, n in chains if (f, t) == (family, table))
    if foreign or chain.get("hook") != "input" or family not in ("ip", "inet"):
        continue
    word, rule = verdict(chain) or (chain.get("policy"), None)
    if word in ("drop", "reject"):
        why = f"rule {rule["handle"]} says {word}" if rule else "policy drop, and no rule accepts port 22"
        print(f"nft: table {family} {table}, chain {name}: {why}")
        found = True
sys.exit(not found)
'
}

# is_alone USER GROUP: it is the account's own group, and no other account is in it.
is_alone() {
    [ "$(id -gn "$1")" = "$2" ] &&
        case $(getent group "$2" | cut -d: -f4) in '' | "$1") ;; *) false ;; esac
}

# loose USER: what sshd's StrictModes refuses of that account's keys, a line each.
loose() {
    home=$(home_of "$1")
    for path in "$home" "$home/.ssh" "$home/.ssh/authorized_keys"; do
        [ -e "$path" ] || continue
        owner=$(stat -c %U "$path") mode=$(stat -c %a "$path") group=$(stat -c %G "$path")
        if [ "$owner" != "$1" ] && [ "$owner" != root ]; then
            echo "$path: it belongs to $owner"
        elif [ $((0$mode & 002)) != 0 ]; then
            echo "$path: its mode is $mode, so every account may write to it"
        # Debian's sshd lets the group write where nobody else is in it.
        elif [ $((0$mode & 020)) != 0 ] && ! is_alone "$1" "$group"; then
            echo "$path: its mode is $mode, so the group $group may write to it"
        elif ! runuser -u "$1" -- test -r "$path"; then
            echo "$path: its mode is $mode and it belongs to $owner, so $1 may not read it"
        fi
    done
}

# keyless: the lines by which sshd lets the key of one of us count no more.
keyless() {
    for user in $(users); do
        case $(sshd_says "$user" pubkeyauthentication) in
        no) sshd_lines PubkeyAuthentication | grep -i 'no[[:space:]]*$' ;;
        esac
        case " $(sshd_says "$user" authorizedkeysfile) " in
        *' .ssh/authorized_keys '* | *'%h/.ssh/authorized_keys '* | '  ') ;;
        *) sshd_lines AuthorizedKeysFile ;;
        esac
        case $(sshd_says "$user" authenticationmethods) in
        any | publickey | '' | *' publickey'* | 'publickey '*) ;;
        *) sshd_lines AuthenticationMethods ;;
        esac
    done
}

# excluded: USER FILE:LINE:TEXT for each list of sshd that keeps one of us out.
excluded() {
    for user in $(users); do
        groups=$(id -Gn "$user")
        allowed=$(sshd_says "$user" allowusers) groups_allowed=$(sshd_says "$user" allowgroups)
        if [ -n "$allowed" ] && ! matches "$user" "$allowed"; then
            sshd_lines AllowUsers | tail -n 1 | sed "s/^/$user /"
        fi
        if [ -n "$groups_allowed" ] && ! matches "$groups" "$groups_allowed"; then
            sshd_lines AllowGroups | tail -n 1 | sed "s/^/$user /"
        fi
        if matches "$user" "$(sshd_says "$user" denyusers)"; then
            sshd_lines DenyUsers | sed "s/^/$user /"
        fi
        if matches "$groups" "$(sshd_says "$user" denygroups)"; then
            sshd_lines DenyGroups | sed "s/^/$user /"
        fi
    done
}

# matches NAMES PATTERNS: whether one of the words fits one of sshd's patterns (user@host too).
matches() {
    set -f
    for one in $1; do
        for pattern in $2; do
            case $one in ${pattern%%@*}) set +f && return 0 ;; esac
        done
    done
    set +f
    return 1
}

# forced: the lines by which sshd gives one of us something else than a shell.
forced() {
    for user in $(users); do
        for word in ForceCommand ChrootDirectory; do
            value=$(sshd_says "$user" "$(echo "$word" | tr '[:upper:]' '[:lower:]')")
            [ "${value:-none}" = none ] || sshd_lines "$word"
        done
    done
}

# full_disk: where a disk is mounted on which a plain account can write nothing more.
full_disk() {
    df --output=target,avail,size,iavail,itotal -k -x devtmpfs -x efivarfs 2>/dev/null |
        awk 'NR > 1 && $3 > 0 && ($2 < 4 || $2 * 200 < $3 || ($5 > 0 && $4 == 0)) { print $1; ok = 1; exit }
             END { exit !ok }'
}

# leaves USER: the line of a start-up file that ends bash, found by letting bash tell its steps.
leaves() {
    home=$(home_of "$1")
    case $(getent passwd "$1" | cut -d: -f7) in */bash) ;; *) return ;; esac
    for kind in '' -l; do
        # bash takes SSH_CLIENT with SHLVL 0 for a command of sshd and reads .bashrc, as in a login.
        said=$(cd / && env -i HOME="$home" PATH="$PATH" SSH_CLIENT='192.0.2.1 1 22' SHLVL=0 \
            PS4='+at $BASH_SOURCE:$LINENO: ' timeout 5 runuser -u "$1" -- \
            bash $kind -xc 'echo stackwalk-is-in' 2>&1 </dev/null)
        case $said in *stackwalk-is-in*) continue ;; esac
        last=$(printf '%s\n' "$said" | sed -nE 's/^\++at ([^ :]+):([0-9]+): .*/\1:\2/p' | tail -n 1)
        [ -f "${last%%:*}" ] && echo "$last:$(sed -n "${last##*:}p" "${last%%:*}")"
    done
}

# bad_pam: the lines PAM cannot follow for sshd, or that refuse everybody.
bad_pam() {
    {
        echo /etc/pam.d/sshd
        sed -n 's/^@include[[:space:]]\+/\/etc\/pam.d\//p' /etc/pam.d/sshd
    } | while read -r file; do
        [ -f "$file" ] || { grep -Hn "^@include.*${file##*/}" /etc/pam.d/sshd; continue; }
        sed 's/\[[^]]*\]/[]/' "$file" | awk '!/^[[:space:]]*(#|$|@include)/ { print NR, $1, $2, $3 }' |
            while read -r line type control module; do
                case $type in
                auth | account | password | session) ;;
                -auth | -account | -password | -session) continue ;;
                *) echo "$file:$line:$(sed -n "${line}p" "$file")"; continue ;;
                esac
                case $control in
                required | requisite | sufficient) ;;
                optional | include | substack | '[]') continue ;;
                *) echo "$file:$line:$(sed -n "${line}p" "$file")"; continue ;;
                esac
                case $file:$type:$module in
                */sshd:account:pam_deny.so | */sshd:session:pam_deny.so)
                    echo "$file:$line:$(sed -n "${line}p" "$file")" ;;
                esac
                case $module in /*) [ -e "$module" ] && continue ;; esac
                for place in /usr/lib/*/security /usr/lib/security; do
                    [ -e "$place/$module" ] && continue 2
                done
                echo "$file:$line:$(sed -n "${line}p" "$file")"
            done
    done
}

# ended USER: what /etc/shadow says against the account; never its password.
ended() {
    today=$(($(date +%s) / 86400))
    awk -F: -v user="$1" -v today="$today" -v pam="$(sshd_says "$1" usepam)" '
        $1 != user { next }
        { at = "/etc/shadow:" NR ":" user ": " }
        $8 != "" && $8 <= today { print at "field 8, its last day, is " $8 " (today is " today ")" }
        $3 == "0" { print at "field 3 is 0: the password must be changed at the next login" }
        $5 != "" && $3 + $5 < today { print at "its password is older than field 5 allows" }
        $2 ~ /^!/ && pam == "no" { print at "locked, and sshd has UsePAM no" }
    ' /etc/shadow
}
