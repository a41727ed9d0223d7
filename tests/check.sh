#!/bin/sh
# Kick the tires: ./run check. In a folder of its own it computes two figures of the smoke tier, compares
# their numbers with those that come with the code, and makes the report. The last line says PASS or
# FAIL, and what failed.
set -u
root=$(CDPATH='' cd "$(dirname "$0")/.." && pwd -P)
folder=$root/check
log=$folder/check.log

step() {
    what=$1
    shift
    echo "check: $what"
    "$@" >>"$log" 2>&1 || fail
}

fail() {
    tail -n 20 "$log" 2>/dev/null
    echo "FAIL: $what. The whole log is in $log"
    exit 1
}

workflow() {
    snakemake "$@" --cores all --snakefile "$root/Snakefile" --directory "$folder" \
        --configfile "$root/config/smoke.yaml"
}

is_whole() {
    report=$folder/report.html
    grep -q '"figures/fig2.html"' "$report" && grep -q '"figures/fig3.html"' "$report" && tail -n 1 "$report" | grep -q '</html>'
}

what="making a folder for it, $folder"
rm -rf "$folder" && mkdir "$folder" || fail
step "computing Figures 2 and 3 of the smoke tier" workflow figures/fig2.pdf figures/fig3.pdf
step "comparing them with the numbers that come with the code" workflow verify
step "making the report" workflow figures/fig2.pdf figures/fig3.pdf --report report.html
step "looking whether the report is whole" is_whole
echo "PASS: $(grep -m 1 'within tolerance' "$log") The report is $report"
