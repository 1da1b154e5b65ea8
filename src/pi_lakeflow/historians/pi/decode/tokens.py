"""Value tokens of many events at once: numbers by Arrow, everything else by its distinct tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pi_lakeflow.historians.pi.decode.spans import Mask, Places, Words, even, spans
from pi_lakeflow.historians.pi.decode.tails import MIDDLE
from pi_lakeflow.historians.pi.decode.typed import Misfit
from pi_lakeflow.historians.pi.decode.values import EXACT_INTEGERS, OddValues, State

Floats = npt.NDArray[np.float64]

_MINUS, _ZERO, _NINE, _POINT, _QUOTE = b'-09."'
_texts = msgspec.json.Decoder(list[str])
_value: msgspec.json.Decoder[int | float | State | bool | None] = msgspec.json.Decoder(
    int | float | State | bool | None
)


def numbers_and_odd(windows: Words, lengths: Places) -> tuple[Floats, Mask]:
    """The doubles of value tokens of ``lengths``, and which tokens need another look.

    Those are all that are no numbers, and numbers beyond 2^53 in size, of more characters than a
    window holds, or of an unusual spelling. ``windows`` are rows of ``MIDDLE`` and what follows it.
    Raises ``Misfit`` when a token that begins like a number is none.
    """
    width, start = 8 * windows.shape[1], len(MIDDLE)
    letters = windows.view(np.uint8)
    first = letters[:, start]
    numeric = (_is_digit(first) | (first == _MINUS)) & (lengths <= width - start)
    starts = np.arange(0, windows.nbytes, width) + start
    ends = starts + np.minimum(lengths, width - start)
    column = _cast(pa.py_buffer(windows), starts, ends, numeric)
    numeric &= _is_json_number(letters, ends)
    numeric &= np.abs(column) < EXACT_INTEGERS
    return column, ~numeric


def _cast(buffer: pa.Buffer, starts: Places, ends: Places, numeric: Mask) -> Floats:
    try:
        cast = pc.cast(spans(buffer, starts, ends, pa.string(), numeric), pa.float64())
    except pa.ArrowInvalid as broken:
        raise Misfit("a token that begins like a number is none") from broken
    if len(cast) - cast.null_count != np.count_nonzero(numeric):
        raise Misfit("a number that Arrow reads as null")
    return even(cast, np.float64)


def _is_json_number(letters: npt.NDArray[np.uint8], ends: Places) -> Mask:
    """Whether tokens that Arrow takes for numbers are numbers in JSON too.

    Arrow also takes ``048``, ``10.``, ``10.e5``, ``-.5`` and ``-inf``. The tokens begin behind
    ``MIDDLE`` in each row of ``letters``, and end at ``ends`` of all rows together.
    """
    start, width = len(MIDDLE), letters.shape[1]
    first, second, third = letters[:, start], letters[:, start + 1], letters[:, start + 2]
    negative = first == _MINUS
    lead, after = np.where(negative, second, first), np.where(negative, third, second)
    run = letters.reshape(-1)
    sound: Mask = _is_digit(lead) & ~((lead == _ZERO) & _is_digit(after)) & _is_digit(run[ends - 1])
    pointless = (run[:-1] == _POINT) & (run[1:] > _NINE)
    if pointless.any():
        sound[np.flatnonzero(pointless) // width] = False
    return sound


def _is_digit(letters: npt.NDArray[np.uint8]) -> Mask:
    digits: Mask = (letters - np.uint8(_ZERO)) < 10
    return digits


def read_odd(tokens: pa.BinaryArray, classes: Places, names: Sequence[str]) -> tuple[OddValues, Places]:
    """The distinct values of ``tokens``, and which of them each token is.

    ``tokens`` are spans with gaps. ``classes`` says for each token of which class its point is, as an
    index into ``names`` (see ``point_class``).
    Raises ``Misfit`` for a token that is not one JSON value, that is an array, or that is a failure.
    """
    coded = tokens.dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    textual = np.array([token[0] == _QUOTE for token in distinct])
    try:
        texts = _read_texts(list(compress(distinct, textual)))
        others = [_value.decode(token) for token in compress(distinct, ~textual)]
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as broken:
        raise Misfit("a token that is no usual value") from broken
    indices = even(coded.indices, np.int32)
    which = np.where(textual, np.cumsum(textual), np.cumsum(~textual))[indices] - 1
    is_text = textual[indices]
    values = OddValues()
    for place, name in enumerate(names):
        here = is_text & (classes == place)
        if here.any():
            which[here] += len(values.kinds)
            values.add_texts(texts, name)
    which[~is_text] += len(values.kinds)
    for value in others:
        if isinstance(value, State) and not value.is_plain:
            raise Misfit("a state without a name, or a failure")
        values.add(value, "")
    return values, which


def _read_texts(tokens: Sequence[bytes]) -> list[str]:
    """The texts that ``tokens``, which begin with a quote, are one by one; read together.

    The line breaks between them allow no text to go on from one into the next, and each begins one: so
    as many texts as tokens are one each.
    """
    texts = _texts.decode(b"[" + b",\n".join(tokens) + b"]")
    if len(texts) != len(tokens):
        raise Misfit("two texts in the place of one")
    return texts
