"""Jobs that run today, from the files they are launched with."""

from placer.importers.jobs.job import Job
from placer.importers.jobs.reading import JobFormat, read_job

__all__ = ["Job", "JobFormat", "read_job"]
