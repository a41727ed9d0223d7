#!/bin/bash
# End the Slurm that up.sh started:   down.sh FOLDER
folder=$1
[ -s "$folder/slurmctld.pid" ] && scancel --quiet --user root 2> /dev/null
rm -f /etc/slurm/slurm.conf
stop() {
    if [ -s "$1" ]; then
        kill "$(cat "$1")" 2> /dev/null
    fi
}
stop "$folder/slurmd.pid"
stop "$folder/slurmctld.pid"
[ -e "$folder/own-munge" ] && stop /run/munge/munged.pid
rm -f "$folder/own-munge"
