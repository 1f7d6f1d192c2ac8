"""What is not installed with everything else, asked for in a sentence."""

from django.utils.translation import gettext as _

from cdp.core import spark
from cdp.core.errors import Refused


def need_spark() -> None:
    """Raises `Refused`, `engine`, where this machine lacks what Spark needs."""
    wanted = {
        "pyspark": _("Spark is not installed: get it with `uv sync --extra spark`."),
        "java": _(
            "Spark needs Java 17 or later: get it with `apt-get install openjdk-17-jre-headless`, or set JAVA_HOME."
        ),
    }
    if missing := spark.missing():
        raise Refused("engine", wanted[missing])
