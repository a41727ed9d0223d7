#!/bin/bash
# A Slurm of one machine for tests, as root:   up.sh FOLDER PID
# Controller and node daemon, no systemd, cgroups or accounting database; Slurm 22.05 and later. What
# it takes for a GPU is a device that is always empty.
# What they leave lies in FOLDER, but for the configuration: it must be in /etc/slurm, because jobs
# of Snakemake's plugin drop SLURM_CONF. If it stayed there without a controller, every start of
# Snakemake on this machine would wait 10 s; so down.sh runs when process PID ends, however it ends.
set -euo pipefail

folder=$1
here=$(cd "$(dirname "$0")" && pwd)
host=$(hostname -s)

if [ -e /etc/slurm/slurm.conf ]; then
    echo "up.sh: /etc/slurm/slurm.conf is there: this machine has a Slurm" >&2
    exit 1
fi
mkdir -p "$folder"/{state,spool} /etc/slurm

mknod "$folder/gpu0" c 1 3 2> /dev/null || : > "$folder/gpu0"
echo "NodeName=$host Name=gpu File=$folder/gpu0" > /etc/slurm/gres.conf
# CPUs and RealMemory are claimed, not real (config_overrides): jobs here are tiny.
# Job accounting polls every second and kills what is over its memory: no cgroups needed.
cat > /etc/slurm/slurm.conf <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobcomp.txt
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,bf_interval=1
SlurmdParameters=config_overrides
GresTypes=gpu
ReturnToService=2
MinJobAge=3600
KillWait=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 RealMemory=64000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF

# In a session of its own, so that what ends the tests leaves it alone.
setsid bash -c 'while kill -0 "$0"; do sleep 1; done; "$1" "$2"' "$2" "$here/down.sh" "$folder" \
    > /dev/null 2>&1 &

[ -s /etc/munge/munge.key ] || runuser -u munge -- mungekey --create
install -d -o munge -g munge -m 755 /run/munge
if ! munge --no-input > /dev/null 2>&1; then
    runuser -u munge -- "$(command -v munged || echo /usr/sbin/munged)" > "$folder/munged.log" 2>&1
    touch "$folder/own-munge"
fi
slurmctld > "$folder/start.log" 2>&1
slurmd >> "$folder/start.log" 2>&1
for _ in $(seq 100); do
    [ "$(sinfo --noheader --format %T 2> /dev/null)" = idle ] && break
    sleep 0.1
done
[ "$(srun --ntasks 1 hostname -s)" = "$host" ]
