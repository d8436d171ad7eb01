"""What an import takes at most: the one place, for the browser, the command line and the containers.

Each limit can be set by an environment variable, `IMAE_LIMIT_` and its name in capitals: `IMAE_LIMIT_ROWS=1000000`. The
size of an upload through the browser is the web server's to limit: `maxUploadSize` in `.streamlit/config.toml`, or
`STREAMLIT_SERVER_MAX_UPLOAD_SIZE` in megabytes.
"""

import os

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imae_core.errors import BadInputError

PREFIX = "IMAE_LIMIT_"


class Limits(BaseModel):
    """Sizes of what strangers may hand in; all counted while reading, never taken from a file's own word."""

    model_config = ConfigDict(frozen=True)

    archive_files: int = Field(3_000_000, ge=1, description="entries of a zip")
    archive_gigabytes: float = Field(200.0, gt=0, description="a zip, unpacked")
    archive_ratio: float = Field(200.0, ge=1, description="unpacked to packed size of a zip, once it is over 10 MB")
    picture_megabytes: float = Field(200.0, gt=0, description="one picture file")
    picture_megapixels: float = Field(100.0, gt=0, description="one picture, decoded")
    rows: int = Field(50_000_000, ge=1, description="examples")
    columns: int = Field(10_000, ge=1, description="columns of a table, and features after encoding")
    label_file_megabytes: float = Field(100.0, gt=0, description="a .pt or .npy file of labels, unpacked")
    classes: int = Field(2_000, ge=2, description="classes")
    categories: int = Field(100, ge=2, description="distinct texts of one categorical feature")
    stored_gigabytes: float = Field(500.0, gt=0, description="a data set as it is stored")
    free_megabytes: int = Field(500, ge=0, description="disk space that an import leaves free")


def current_limits() -> Limits:
    """The defaults with the environment over them; BadInputError for a value that makes no sense."""
    given = {
        name: os.environ[PREFIX + name.upper()] for name in Limits.model_fields if PREFIX + name.upper() in os.environ
    }
    try:
        return Limits.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadInputError(
            f"{PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg']}, got {problem['input']!r}"
        ) from None
