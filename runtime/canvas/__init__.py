"""Work-flows as data: signatures, and pure functions that freeze them and plan what is sent.

`chain`, `group`, `chord` and the mappings are made known to `Signature.from_dict` here.
"""

from runtime.canvas import compound, mapping

__all__ = ["compound", "mapping"]
