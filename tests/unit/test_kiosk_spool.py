"""The spool: a slip is printed once, or a person decides."""

from pathlib import Path

import pytest

from kiosk_agent.spool import JobStatus, Spool


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def spool(tmp_path: Path, clock: _Clock) -> Spool:
    return Spool(tmp_path / "spool.sqlite3", clock)


def _status(spool: Spool, job_id: str = "a") -> JobStatus:
    job = spool.job(job_id)
    assert job is not None
    return job.status


def test_same_id_twice_is_one_job_with_the_first_words(spool: Spool) -> None:
    spool.add("a", "first", lasts_s=60)
    assert spool.add("a", "second", lasts_s=60).slip == "first"
    assert spool.counts() == {"queued": 1}


def test_printed_job_is_never_leased_again_and_its_words_are_erased(spool: Spool) -> None:
    spool.add("a", "words", lasts_s=60)
    leased = spool.lease_next()
    assert leased is not None
    assert spool.start("a")
    assert spool.finish("a", JobStatus.PRINTED)
    again = spool.add("a", "words", lasts_s=60)
    assert (again.status, again.slip) == (JobStatus.PRINTED, "")
    assert spool.lease_next() is None


def test_crash_while_printing_is_unknown_and_not_printed_again(spool: Spool, tmp_path: Path) -> None:
    spool.add("a", "words", lasts_s=60)
    spool.lease_next()
    spool.start("a")
    # No close: the process is gone. A second connection sees what is on disk.
    after = Spool(tmp_path / "spool.sqlite3")
    assert after.recover() == ["a"]
    assert _status(after) is JobStatus.UNKNOWN
    assert after.lease_next() is None
    assert after.recover() == []


def test_crash_before_the_first_byte_is_printed_after_the_restart(spool: Spool, tmp_path: Path) -> None:
    spool.add("a", "words", lasts_s=60)
    spool.lease_next()
    after = Spool(tmp_path / "spool.sqlite3")
    assert after.recover() == []
    leased = after.lease_next()
    assert leased is not None
    assert leased.slip == "words"


def test_job_is_leased_once(spool: Spool, tmp_path: Path) -> None:
    spool.add("a", "words", lasts_s=60)
    assert spool.lease_next() is not None
    assert Spool(tmp_path / "spool.sqlite3").lease_next() is None


def test_printer_not_ready_keeps_the_job_until_it_expires(spool: Spool, clock: _Clock) -> None:
    spool.add("a", "words", lasts_s=60)
    spool.lease_next()
    spool.start("a")
    assert spool.put_back("a", "no_media")
    assert spool.expire() == []
    clock.now += 61
    assert spool.expire() == ["a"]
    assert _status(spool) is JobStatus.FAILED


def test_words_of_a_failed_job_are_erased_later(spool: Spool, clock: _Clock) -> None:
    spool.add("a", "words", lasts_s=60)
    clock.now += 61
    spool.expire()
    clock.now += 700
    spool.expire()
    job = spool.job("a")
    assert job is not None
    assert job.slip == ""


def test_jobs_are_taken_in_order(spool: Spool, clock: _Clock) -> None:
    for name in ("a", "b", "c"):
        spool.add(name, name, lasts_s=60)
        clock.now += 1
    assert [job.id for job in (spool.lease_next(), spool.lease_next(), spool.lease_next()) if job] == ["a", "b", "c"]


def test_finish_without_start_changes_nothing(spool: Spool) -> None:
    spool.add("a", "words", lasts_s=60)
    assert not spool.finish("a", JobStatus.PRINTED)
    assert _status(spool) is JobStatus.QUEUED


def test_spool_file_is_private(spool: Spool, tmp_path: Path) -> None:
    assert (tmp_path / "spool.sqlite3").stat().st_mode & 0o077 == 0
