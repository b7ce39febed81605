#!/bin/sh
# The same seed lives the same world: twice over one store, and once more over the other one.
set -eu
sim=$REEVE_BUILD/tests/sim/sim

life() {
    "$sim" --seed "$1" --store "$2" | sed -n 's/^seed .*: //p'
}

for seed in 2 3 17 42; do
    first=$(life $seed mem)
    again=$(life $seed mem)
    lmdb=$(life $seed lmdb)
    echo "seed $seed: $first"
    case $first in *hash*) ;; *) exit 1 ;; esac
    [ "$first" = "$again" ] || { echo "another time: $again"; exit 1; }
    [ "$first" = "$lmdb" ] || { echo "over LMDB: $lmdb"; exit 1; }
done
[ "$(life 2 mem)" != "$(life 3 mem)" ]
