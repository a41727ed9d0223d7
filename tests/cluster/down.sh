#!/bin/bash
# End the Slurm that up.sh started, if it is still there:   down.sh FOLDER
folder=$1
stop() {
    if [ -s "$1" ]; then
        kill "$(cat "$1")" 2> /dev/null
        rm -f "$1"
    fi
}
[ -s "$folder/slurmctld.pid" ] || exit 0
scancel --quiet --user root 2> /dev/null
sleep 1
stop "$folder/slurmd.pid"
stop "$folder/slurmctld.pid"
rm -f /etc/slurm/slurm.conf /etc/slurm/gres.conf
if [ -e "$folder/own-munge" ]; then
    stop /run/munge/munged.pid
fi
