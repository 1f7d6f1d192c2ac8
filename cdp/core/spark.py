"""A session of Spark, an extra: loaded only when asked for, and made confidential whatever its configuration says."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

OLDEST_JAVA: Final = 17
# Whatever Spark writes (shuffles, spills, cached blocks) and sends is encrypted under keys made for this one run; nothing
# shows or logs what is computed. The master, memory and the rest are Spark's own configuration.
CONFIDENTIAL: Final = {
    "spark.io.encryption.enabled": "true",
    "spark.io.encryption.keySizeBits": "256",
    "spark.authenticate": "true",
    "spark.network.crypto.enabled": "true",
    "spark.eventLog.enabled": "false",
    "spark.ui.enabled": "false",
}
QUIET: Final = {"spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
PARTITIONS: Final = "spark.sql.shuffle.partitions"


def missing() -> Literal["pyspark", "java"] | None:
    """What Spark needs and this machine has not."""
    if find_spec("pyspark") is None:
        return "pyspark"
    return None if _java_version() >= OLDEST_JAVA else "java"


@contextmanager
def session(name: str) -> Iterator[Any]:
    """A session of Spark's own configuration, made confidential; the present one if there is one, which goes on afterwards.
    Raises RuntimeError inside one that is not confidential."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    present = SparkSession.getActiveSession()
    with TemporaryDirectory() as warehouse:
        options = QUIET | CONFIDENTIAL | {"spark.sql.warehouse.dir": warehouse}
        spark = present or SparkSession.builder.appName(name).config(map=options).getOrCreate()
        try:
            _check(spark.sparkContext.getConf())
            _few_tasks(spark)
            yield spark
        finally:
            if present is None:
                spark.stop()


def _check(conf: Any) -> None:
    """A session that was there already keeps its own settings."""
    lost = [name for name, value in CONFIDENTIAL.items() if conf.get(name) != value]
    if lost:
        raise RuntimeError(f"Spark already runs in this process without {', '.join(lost)}")


def _few_tasks(spark: Any) -> None:
    """Data may be small: no more tasks than there are hands, unless told otherwise."""
    if not spark.sparkContext.getConf().contains(PARTITIONS):
        spark.conf.set(PARTITIONS, 4 * spark.sparkContext.defaultParallelism)


def _java_version() -> int:
    """The major version of the Java that Spark would start; 0 without one."""
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    if not shutil.which(java):
        return 0
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found[1]) if found else 0
