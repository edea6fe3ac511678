# SPDX-License-Identifier: Apache-2.0
"""The parameters of a model file as the library reads them."""
import ctypes


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.s3rec_last_error.restype = ctypes.c_char_p
        self.context = ctypes.c_void_p()
        self._ok(self.c.s3rec_context_create(None, ctypes.byref(self.context)))

    def _ok(self, status):
        if status != 0:
            raise RuntimeError(self.c.s3rec_last_error().decode())

    def values(self, path, counts):
        """name -> bytes of its floats, little-endian; `counts` are element counts by name."""
        model = ctypes.c_void_p()
        self._ok(self.c.s3rec_model_load(self.context, str(path).encode(), None,
                                         ctypes.byref(model)))
        found = {}
        try:
            for name, count in counts.items():
                floats = (ctypes.c_float * count)()
                self._ok(self.c.s3rec_model_parameter_read(model, name.encode(), floats,
                                                           ctypes.c_size_t(count)))
                found[name] = bytes(floats)
        finally:
            self.c.s3rec_model_destroy(model)
        return found
