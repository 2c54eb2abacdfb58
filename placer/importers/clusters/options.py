"""What the user adds to a file that says nothing of accelerators and network ports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from placer.errors import InputError, Problem
from placer.importers.clusters.fabric import Ports
from placer.spec.accelerator import Accelerator, load_accelerator
from placer.spec.interconnect import ScaleOutLink
from placer.spec.suggest import did_you_mean
from placer.units import Dimension, QuantityError, parse_quantity


class ClusterFormat(StrEnum):
    """Descriptions of clusters that placer reads."""

    SLURM = "slurm"
    TOPOGRAPH = "topograph"
    KUBERNETES = "kubernetes"
    IBNETDISCOVER = "ibnetdiscover"
    NVIDIA_SMI = "nvidia-smi"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterOptions:
    """Options as typed; None for those that were not.

    ``site_link`` is a bandwidth and a length between any two sites, ``400 Gbit/s, 80 km``;
    ``topology`` picks one of several in a Slurm topology.yaml.
    """

    accelerator: str | None = None
    nic: str | None = None
    link: str | None = None
    gpus_per_host: int | None = None
    name: str | None = None
    topology: str | None = None
    site_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLink:
    """A link between two sites, as a cluster file writes it."""

    bandwidth: str
    distance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The options, read."""

    accelerator: Accelerator
    ports: Ports
    site_link: SiteLink | None
    nic_text: str


class OptionReader:
    """Reads the options, what is wrong with any of them noted first."""

    def __init__(self, options: ClusterOptions) -> None:
        self.options = options
        self.problems: list[Problem] = []

    def parts(self) -> Parts | None:
        """The options as values; None when something was noted."""
        accelerator = self._accelerator()
        ports = Ports(
            gpus_per_host=self._gpus_per_host(), nic_bytes_per_s=self._nic(), link=self._link()
        )
        site_link = self._site_link()
        if self.problems or accelerator is None:
            return None
        return Parts(
            accelerator=accelerator,
            ports=ports,
            site_link=site_link,
            nic_text=self.options.nic or "",
        )

    def require_nic(self) -> None:
        """Note that the rate of a network port is missing."""
        remedy = 'The file does not say it: add, for example, --nic "400 Gbit/s".'
        self._note("--nic", "the rate of one network port", "nothing", remedy)

    def require_site_link(self) -> None:
        """Note that links between sites are missing."""
        remedy = 'The file does not say it: add, for example, --site-link "400 Gbit/s, 80 km".'
        self._note("--site-link", "bandwidth and distance between sites", "nothing", remedy)

    def _accelerator(self) -> Accelerator | None:
        key = self.options.accelerator
        if key is None:
            remedy = "The file does not say it: add, for example, --accelerator h100_sxm."
            self._note("--accelerator", "the accelerator of the hosts", "nothing", remedy)
            return None
        try:
            return load_accelerator(key)
        except InputError as error:
            problem = error.problems[0]
            self._note("--accelerator", problem.expected, problem.found, problem.remedy)
            return None

    def _nic(self) -> float | None:
        return None if self.options.nic is None else self._bandwidth("--nic", self.options.nic)

    def _bandwidth(self, option: str, text: str) -> float | None:
        return self._quantity(option, text, Dimension.BANDWIDTH)

    def _quantity(self, option: str, text: str, kind: Dimension) -> float | None:
        try:
            value = parse_quantity(text, kind)
        except QuantityError as error:
            self._note(option, error.expected, error.found, error.remedy)
            return None
        if value <= 0:
            self._note(option, f"a {kind} above 0", repr(text), "")
        return value

    def _link(self) -> ScaleOutLink | None:
        text = self.options.link
        known = {link.value: link for link in ScaleOutLink}
        if text is None or text in known:
            return known.get(text or "")
        expected = f"one of {', '.join(known)}"
        self._note("--link", expected, repr(text), did_you_mean(text, known))
        return None

    def _gpus_per_host(self) -> int | None:
        count = self.options.gpus_per_host
        if count is not None and not 1 <= count <= 1024:
            self._note("--gpus-per-host", "1 to 1024", str(count), "")
        return count

    def _site_link(self) -> SiteLink | None:
        text = self.options.site_link
        if text is None:
            return None
        bandwidth, comma, distance = (part.strip() for part in text.partition(","))
        if not comma:
            remedy = 'Write "400 Gbit/s, 80 km".'
            self._note("--site-link", "a bandwidth, a comma, a distance", repr(text), remedy)
            return None
        self._bandwidth("--site-link", bandwidth)
        self._quantity("--site-link", distance, Dimension.LENGTH)
        return SiteLink(bandwidth=bandwidth, distance=distance)

    def _note(self, option: str, expected: str, found: str, remedy: str) -> None:
        self.problems.append(Problem(source=option, expected=expected, found=found, remedy=remedy))
