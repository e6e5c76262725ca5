"""What is derived from a sample."""

from collections.abc import Callable

from benchmarks.measure import Sample

Value = Callable[[Sample], float]


def cpu_ms(sample: Sample) -> float:
    """Milliseconds of CPU per answer."""
    return sample.cpu * 1e3 / max(sample.answers, 1)


def per_second(sample: Sample) -> float:
    """Answers per second."""
    return sample.answers / sample.seconds


def per_core_second(sample: Sample) -> float:
    """Answers per second of CPU."""
    return sample.answers / max(sample.cpu, 1e-9)


def per_gb_second(sample: Sample) -> float:
    """Answers per second and gigabyte of memory."""
    return per_second(sample) / max(sample.memory / 1e9, 1e-9)
