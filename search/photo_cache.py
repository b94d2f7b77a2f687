"""Where shoppers' photos are kept for a while."""

import pickle
import random
import zlib
from typing import Any

from django.core.cache.backends.filebased import FileBasedCache

CULLED = 0.02  # of the times that something is kept: looking for what is too much reads the folder


class PhotoCache(FileBasedCache):
    """Django's cache in files, which does not compress what is compressed, and seldom looks whether
    there are too many."""

    def _write_content(self, file: Any, timeout: float | None, value: Any) -> None:
        file.write(pickle.dumps(self.get_backend_timeout(timeout), self.pickle_protocol))
        file.write(zlib.compress(pickle.dumps(value, self.pickle_protocol), level=0))

    def _cull(self) -> None:
        if random.random() < CULLED:
            super()._cull()  # type: ignore[misc]  # the stubs do not know it
