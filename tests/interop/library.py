# SPDX-License-Identifier: Apache-2.0
"""Parameters and names of a model file as the library reads and writes them."""
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

    def set_item_names(self, path, names, named_path):
        """Writes the model of `path` with these names to `named_path`."""
        encoded = [name.encode() for name in names]
        offsets = (ctypes.c_int64 * (len(names) + 1))()
        for i, name in enumerate(encoded):
            offsets[i + 1] = offsets[i] + len(name)
        model, vocabulary = ctypes.c_void_p(), ctypes.c_void_p()
        self._ok(self.c.s3rec_model_load(self.context, str(path).encode(), None,
                                         ctypes.byref(model)))
        self._ok(self.c.s3rec_vocabulary_create(self.context, 1, 1, b"".join(encoded), offsets,
                                                ctypes.c_size_t(len(names)),
                                                ctypes.byref(vocabulary)))
        self._ok(self.c.s3rec_model_set_names(model, vocabulary, None))
        self._ok(self.c.s3rec_model_save(model, str(named_path).encode()))
        self.c.s3rec_vocabulary_destroy(vocabulary)
        self.c.s3rec_model_destroy(model)

    def item_names(self, path):
        model, vocabulary = ctypes.c_void_p(), ctypes.c_void_p()
        self._ok(self.c.s3rec_model_load(self.context, str(path).encode(), None,
                                         ctypes.byref(model)))
        self._ok(self.c.s3rec_model_item_names(model, ctypes.byref(vocabulary)))
        self.c.s3rec_model_destroy(model)
        self.c.s3rec_vocabulary_count.restype = ctypes.c_size_t
        names = []
        for i in range(self.c.s3rec_vocabulary_count(vocabulary)):
            name = ctypes.c_char_p()
            self._ok(self.c.s3rec_vocabulary_name(vocabulary, 1 + i, ctypes.byref(name), None))
            names.append(name.value.decode())
        self.c.s3rec_vocabulary_destroy(vocabulary)
        return names
