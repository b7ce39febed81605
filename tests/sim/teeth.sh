#!/usr/bin/env bash
# teeth.sh SIM: has the simulator (a build with REEVE_TEETH) catch every planted bug, each within
# SEEDS worlds. The last line is `teeth: B of B planted bugs caught`; the status is 0 only then.
set -euo pipefail
sim=$1
export sim SEEDS=${SEEDS:-1500}

# Without a bug there is nothing to catch: else it would be caught for the wrong reason.
"$sim" --store mix 100 >/dev/null || { echo "teeth: violations without a planted bug"; exit 1; }

bite() {
    local name=$1 store=$2 out what
    what=$("$sim" --teeth | sed -n "s/^$name $store //p")
    if out=$("$sim" --tooth "$name" --store "$store" "$SEEDS" 2>&1 </dev/null); then
        echo "NOT CAUGHT  $name: $what"
    else
        printf 'caught  %-24s %s: %s\n' "$name" \
            "$(sed -n 's/^seed \([0-9]*\),.*/seed \1/p' <<<"$out" | tail -n 1)" \
            "$(sed -n 's/^violated: //p' <<<"$out" | tail -n 1)"
    fi
}
export -f bite

report=$("$sim" --teeth | cut -d ' ' -f 1,2 | xargs -P 2 -L 1 bash -c 'bite "$1" "$2"' bite)
echo "$report"
all=$("$sim" --teeth | wc -l)
caught=$(grep -c '^caught ' <<<"$report" || true)
echo "teeth: $caught of $all planted bugs caught"
[ "$all" -gt 0 ] && [ "$caught" -eq "$all" ]
