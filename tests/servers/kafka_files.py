"""Apache Kafka's own files: fetched once with the machine's Maven, then kept in the project's cache folder.

The cache is var/kafka/ of the project, or the folder that BILLING_TEST_CACHE names.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.servers.base import UnavailableError
from tests.servers.launch import say

KAFKA_VERSION = "4.4.0"
CLUSTER_ID = "YmlsbGluZy10ZXN0cy0wMQ"  # 16 bytes in URL-safe base64, as Kafka wants them
LOWEST_JAVA = 17

_LOG4J_VERSION = "2.25.5"
_FETCH_SECONDS = 300.0
_FORMAT_SECONDS = 60.0
_PROJECT = Path(__file__).resolve().parents[2]

_POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>billing.tests</groupId>
  <artifactId>kafka-files</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{_LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

# The configuration dump at every start is 1,500 lines, which would push the reason of a failure out of a log's end.
_LOGGING = """status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n%throwable
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
logger.dump.name=org.apache.kafka.common.config
logger.dump.level=warn
"""

_FORMAT = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:1
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1
log.dirs={data}
"""


@dataclass(frozen=True)
class ApacheFiles:
    """`libs`: the jars, `logging`: log4j's configuration, `formatted`: an empty storage folder to copy."""

    libs: Path
    logging: Path
    formatted: Path


def cache_folder() -> Path:
    """Where downloads are kept; made when missing."""
    folder = Path(os.environ.get("BILLING_TEST_CACHE") or _PROJECT / "var" / "kafka").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def apache_files() -> ApacheFiles:
    """Kafka's files, fetched when they are not in the cache; UnavailableError without Java 17, Maven or an answer."""
    if not java_is_new_enough():
        raise UnavailableError(f"Apache Kafka needs java {LOWEST_JAVA} or later")
    home = cache_folder() / f"apache-{KAFKA_VERSION}"
    files = ApacheFiles(home / "libs", home / "log4j2.properties", home / "formatted")
    publish(home, _build_home)
    return files


def publish(target: Path, build: Callable[[Path], None]) -> None:
    """Make `target` by `build(draft)` and one rename, so that it is whole or absent; runs at the same time wait."""
    if target.exists():
        return
    with (target.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if target.exists():
            return
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="draft-") as folder:
            draft = Path(folder) / target.name
            build(draft)
            draft.rename(target)


def java(files: ApacheFiles, heap: str, main_class: str, *arguments: str) -> list[str]:
    """The command for one of Kafka's programs, tuned for a quick start and not for throughput."""
    tuning = [f"-Xmx{heap}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    logging = f"-Dlog4j2.configurationFile={files.logging}"
    return ["java", *tuning, logging, "-cp", str(files.libs / "*"), main_class, *arguments]


def java_is_new_enough() -> bool:
    """Whether a `java` of version 17 or later is on the path."""
    if shutil.which("java") is None:
        return False
    about = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    return java_major(about.stderr + about.stdout) >= LOWEST_JAVA


def java_major(about: str) -> int:
    """The major version in what `java -version` prints ("17.0.15" gives 17, "1.8.0_412" gives 1); 0 without one."""
    found = re.search(r'version "(\d+)', about)
    return int(found.group(1)) if found else 0


def _build_home(home: Path) -> None:
    home.mkdir()
    files = ApacheFiles(home / "libs", home / "log4j2.properties", home / "formatted")
    files.logging.write_text(_LOGGING)
    _fetch_jars(home, files.libs)
    _format(home, files)


def _fetch_jars(home: Path, libs: Path) -> None:
    if shutil.which("mvn") is None:
        raise UnavailableError("Apache Kafka is not in the cache and mvn is not installed")
    say(f"kafka: fetching Apache Kafka {KAFKA_VERSION} with Maven (once, about 45 MB)")
    (home / "pom.xml").write_text(_POM)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
    _run(["mvn", "--batch-mode", "--quiet", "--file", str(home / "pom.xml"), *goal], _FETCH_SECONDS, "Maven")


def _format(home: Path, files: ApacheFiles) -> None:
    """Format one storage folder for all later starts: each copies it, which saves a second of Java a start."""
    configuration = home / "format.properties"
    configuration.write_text(_FORMAT.format(data=files.formatted))
    arguments = ["format", "--cluster-id", CLUSTER_ID, "--config", str(configuration)]
    _run(java(files, "128m", "kafka.tools.StorageTool", *arguments), _FORMAT_SECONDS, "Kafka's StorageTool")


def _run(command: list[str], seconds: float, name: str) -> None:
    """Run a tool; UnavailableError with the end of what it printed when it fails or takes more than `seconds`."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{name} took more than {seconds:.0f} s") from error
    if done.returncode != 0:
        raise UnavailableError(f"{name} failed: {(done.stdout + done.stderr).strip()[-600:]}")
