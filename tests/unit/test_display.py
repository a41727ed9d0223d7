"""What a run shows, by recorded events of Snakemake: lines, estimates, failures last."""

import logging
import sys
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from ossum.workflow.estimates import Work, guess, kind
from snakemake_logger_plugin_ossum import LogHandler
from snakemake_logger_plugin_ossum.failures import describe, explain, reason

NETWORK = {"grid": "g", "dataset": "mnist", "architecture": "FC-1000", "seed": "0"}
QUIET = dict.fromkeys(
    ("printshellcmds", "nocolor", "debug_dag", "verbose", "show_failed_logs", "stdout", "dryrun"),
    False,
)
KILLED = "Command 'python' died with <Signals.SIGKILL: 9>."


@pytest.fixture
def events(capsys):
    """A function that sends an event; in the end `events.said()` returns what was said."""
    handler = LogHandler(SimpleNamespace(**QUIET, quiet=set()), None)

    def send(event=None, msg="", level=logging.INFO, **extra):
        record = logging.LogRecord("snakemake", level, "", 0, msg, (), None)
        vars(record).update(event=event, **extra)
        handler._snakemake.stream = sys.stderr  # pytest has another one while fixtures are made
        handler.emit(record)

    def started(job, log=()):
        send(LogEvent.JOB_INFO, jobid=job, rule_msg=f"Job {job}", rule_name="r", log=[*log])

    def failed(job, msg, log=()):
        send(LogEvent.ERROR, msg, exception="RuleException")
        send(LogEvent.JOB_ERROR, jobid=job, rule_name="r", rule_msg=None, log=[*log])

    def said():
        handler.close()
        return capsys.readouterr().err

    return SimpleNamespace(send=send, started=started, failed=failed, said=said, handler=handler)


def begin(events, jobs):
    events.send(LogEvent.RUN_INFO, "table of jobs", stats={"train": jobs, "total": jobs})
    estimates = dict.fromkeys(range(jobs), (("train",), 100.0))
    events.send(None, "", estimates=estimates)


def test_a_line_for_each_finished_job_and_messages_are_kept(events):
    events.send(None, "Select jobs to execute...")
    begin(events, 2)
    for job in range(2):
        events.started(job)
        events.send(None, "a warning", logging.WARNING)
        events.send(LogEvent.JOB_FINISHED, job_id=job)
    said = events.said()

    assert "to do: 2 train" in said and said.count("a warning") == 2
    assert "1/2 Job 0 (0 s)" in said and "2/2 Job 1 (0 s)" in said
    assert "Select jobs" not in said and said.splitlines()[-1].startswith("All done")


def test_failures_come_last_with_reason_and_log(events, tmp_path):
    begin(events, 3)
    own, silent = tmp_path / "own.log", tmp_path / "silent.log"
    own.write_text(
        "failed\nTraceback (most recent call last):\n  File x\n    y\n\nValueError: a\nb\n"
    )
    silent.write_text("12:00:00,000 training:  45%|####\n")
    events.started(0, [str(own)])
    events.started(1, [str(silent)])
    events.started(2)
    events.failed(0, "RuleException: exit status 1", [str(own)])
    events.failed(1, KILLED, [str(silent)])
    events.failed(2, "MissingOutputException")
    events.send(None, "Exiting because a job execution failed. Look above", logging.ERROR)
    events.send(
        LogEvent.ERROR,
        "WorkflowError:\nAt least one job did not complete successfully.",
        exception="WorkflowError",
    )
    said = events.said()
    last = said[said.index("3 jobs failed.") :]
    assert f"Job 0:\n  ValueError: a\n  b\n  log: {own}" in last
    assert "killed (signal 9)" in last and "--resources mem_mb=" in last
    assert "MissingOutputException" in last
    assert last.splitlines()[-1].startswith("What is finished is kept")
    assert "At least one job" not in said and "Exiting because" not in said


def test_a_job_that_works_when_it_is_tried_again_has_not_failed(events):
    begin(events, 1)
    for end in (events.failed, lambda job, _: events.send(LogEvent.JOB_FINISHED, job_id=job)):
        events.started(0)
        end(0, KILLED)
    assert "failed." not in (said := events.said()) and "All done" in said


def test_ctrl_c_ends_with_a_sentence(events):
    begin(events, 1)
    events.started(0)
    events.send(None, "Terminating processes on user request, this might take some time.")
    events.failed(0, "RuleException")
    said = events.said()
    assert said.splitlines()[-1].startswith("Stopped.") and "FAILED" not in said


def test_running_jobs_tell_how_far_they_are(events, tmp_path):
    begin(events, 2)
    log = tmp_path / "log"
    log.write_text("x\n2026-11-27 12:00:00,123 mask training:  45%|####5     | 450/1000 [00:01]\n")
    events.started(0, [str(log)])
    share, words, jobs = events.handler.state()
    assert 0 <= share < 0.1 and words.startswith("0 of 2 jobs, about ")
    assert jobs == [("Job 0", "mask training 45 %  0:00:00")]
    events.said()


def test_in_a_file_a_line_at_times_says_how_far_the_run_is(events, capsys, monkeypatch):
    monkeypatch.setattr("snakemake_logger_plugin_ossum._EVERY_SECONDS", 0)
    begin(events, 2)
    events.started(0)
    said, start = "", monotonic()
    while "Running" not in said and monotonic() - start < 60:
        sleep(0.1)
        said += capsys.readouterr().err
    assert "0 %, 0 of 2 jobs, about " in said and "left. Running: Job 0 (0:00:0" in said
    events.said()


def test_a_fault_of_the_display_does_not_end_the_run(events):
    events.send(LogEvent.JOB_FINISHED)  # without a number
    begin(events, 1)
    assert "to do" in events.said()


def test_missing_records_are_counted_not_listed(events):
    for number in range(9):
        events.send(None, f"Missing metadata for file {number}. Maybe", logging.WARNING)
    said = events.said()
    assert said.count("\n") == 2 and said.startswith("9 files behind this report")


def test_equal_reasons_are_told_once():
    text = describe([(f"Job {n}", "ValueError: same", f"{n}.log") for n in range(50)])
    assert text.count("ValueError: same") == 1 and "Job 0, and 49 more:" in text


def test_a_job_without_log_has_the_reason_that_snakemake_knows(tmp_path):
    assert reason(None, "SLURM status is: 'TIMEOUT'") == "SLURM status is: 'TIMEOUT'"
    assert "signal 9" in reason(str(tmp_path / "none"), "SLURM status is: 'OUT_OF_MEMORY'")


def test_misspelt_targets_get_the_nearest_name_and_the_list():
    known = ["figures/fig1.pdf", "figures/fig1.png", "figures/fig2.pdf", "verify"]
    words = "MissingRuleException:\nNo rule to produce {} (if you use"
    said = explain(words.format("figures/fgi2.pdf"), lambda: known)
    assert said.splitlines() == [
        "No rule makes figures/fgi2.pdf. Did you mean figures/fig2.pdf?",
        "In figures there can be: fig1.pdf, fig2.pdf",
    ]
    assert "Did you mean verify?" in explain(words.format("verfy"), lambda: known)


@pytest.mark.parametrize("between", [" ", "="])
def test_a_misspelt_configuration_file_is_named(monkeypatch, tmp_path, between):
    (tmp_path / "quick.yaml").write_text("", encoding="utf-8")
    command = f"snakemake --configfile{between}{tmp_path}/quik.yaml --cores 2"
    monkeypatch.setattr("sys.argv", command.split())
    message = "Traceback (most recent call last):\n load_configfile\nFileNotFoundError: no file"
    expected = f"There is no {tmp_path}/quik.yaml. Did you mean {tmp_path}/quick.yaml?"
    assert explain(message, None) == expected


def test_places_in_our_rules_are_left_out():
    message = 'WorkflowError in file "a.smk", line 2:\nthreads: wrong\n  File "b.py", line 3, in x'
    assert explain(message, None) == 'WorkflowError in file "a.smk", line 2:\nthreads: wrong'


def test_a_job_that_takes_longer_than_thought_does_not_fill_the_bar():
    work = Work(dict.fromkeys(range(10), (("train",), 4.0)))
    shares = [work.share({0: (seconds, None)}) for seconds in (0, 3, 40, 400)]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] < 0.1


def test_targets_among_options_are_named(monkeypatch):
    monkeypatch.setattr("sys.argv", ["snakemake", "--configfile", "a.yaml", "figures/fig1.pdf"])
    message = "Traceback (most recent call last):\n load_configfile\nFileNotFoundError: no file"
    said = explain(message, None)
    assert said.startswith("FileNotFoundError: no file\nfigures/fig1.pdf was read as a config")
    assert "go after the targets" in said


def test_larger_work_is_guessed_longer():
    options = {"schedule": [[0.1, 10]]}
    at = NETWORK | {"sparsity": "0.5"}
    trained = guess("train", at, {"options": options})
    assert guess("table", {}, {}) < guess("evaluate", NETWORK, {}) < trained
    assert trained < guess("train", at | {"dataset": "cifar10"}, {"options": options})
    cuts = {"cuts": range(8)}
    plain = guess("prune", NETWORK, cuts | {"options": {"random": {}}})
    assert plain < guess("prune", NETWORK, cuts | {"options": {"gradient": options}})


def test_measured_times_take_the_place_of_guesses():
    """One seed has taken ten times as long as was guessed: so will the other."""
    jobs = {seed: (kind("train", NETWORK | {"seed": str(seed)}), 60.0) for seed in range(2)}
    work = Work(jobs | {2: (("table",), 5.0)})
    before = work.seconds_left({}, 0.0)
    work.finish(0, 600.0)
    after = work.seconds_left({}, 600.0)
    assert before == pytest.approx(125) and 600 < after < 700
    assert work.share({}) == pytest.approx(600 / (600 + after), rel=0.02)
    half = work.seconds_left({1: (300.0, None)}, 900.0)
    assert 300 < half < 350
