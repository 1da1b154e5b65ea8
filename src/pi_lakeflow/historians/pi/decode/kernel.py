"""The loop over the bytes of a body that ``compiled`` runs: plain functions, which numba compiles.

One pass: each event is taken for ``{"Timestamp":"<time>","Value":<token><tail>`` with a tail already
known (``tails``), and each byte of that is compared or converted on the way. Numbers are exact: as
David Gay's and Clinger's quick case where that suffices, else by the multiplication of Eisel and Lemire
(D. Lemire, "Number Parsing at a Gigabyte per Second", 2021); a token that neither decides is left to
others, like all that is no number. What stands between the runs of events is copied aside, with the
number of the run in its place.

All in one file, since numba's cache looks at this file only to see whether its code is out of date.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Letters = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Table = npt.NDArray[np.float64]

DONE, UNKNOWN_TAIL, OTHER_LAYOUT = range(3)
"""What ``scan`` ends with."""

PLACE, ROWS, RUNS, ODD, REST, COPIED, INSIDE, END, TAIL, DAY = range(10)
"""What the elements of its ``state`` are: the place in the body; how many rows, runs, tokens left to others
and bytes copied aside there are; up to where the body was copied; whether ``PLACE`` is inside a run; where
the event ends whose tail is not known; the tail and the day (as ticks) of the event before."""

SHORTEST = 46
"""Bytes of the shortest event."""

_INT: Any = np.int64  # an int for Python's eyes
_SEEN_DATE, _SEEN_DAY = range(2)

_ONE, _U3, _U8, _U9, _U16, _U24, _U32 = (np.uint64(bits) for bits in (1, 3, 8, 9, 16, 24, 32))
_U48, _U52, _U53, _U56, _U63 = (np.uint64(bits) for bits in (48, 52, 53, 56, 63))
_LOW32 = np.uint64(0xFFFFFFFF)

_OPEN, _OPEN_END = (np.uint64(int.from_bytes(text, "little")) for text in (b'{"Timest', b'stamp":"'))
_VALUE = np.uint64(int.from_bytes(b'"Value":', "little"))
_QUOTE, _COMMA, _MINUS, _PLUS, _POINT, _ZERO, _NINE = b'",-+.09'
_BACKSLASH, _OPEN_BRACE, _CLOSE_BRACE, _CLOSE_BRACKET, _BIG_T, _BIG_Z, _BIG_E = b"\\{}]TZE"
_LITTLE_A, _LITTLE_E, _LITTLE_F, _LITTLE_N, _LITTLE_T, _LITTLE_Z = b"aefntz"

# Letters of a time as words, and which of their bits say that each is a digit or the sign that must be there
_HIGHS, _ZEROS, _SIXES = (np.uint64(each * 0x0101010101010101) for each in (0xF0, 0x30, 6))
_CLOCK = np.uint64(int.from_bytes(b"00T00:00", "little"))
_CLOCK_BITS, _CLOCK_SIXES = np.uint64(0xF0F0FFF0F0FFF0F0), np.uint64(0x0606000606000606)
_SECOND = np.uint64(int.from_bytes(b":00", "little"))
_SECOND_BITS, _SECOND_SIXES = np.uint64(0xF0F0FF), np.uint64(0x060600)
_DAY_BITS, _LAST_Z, _FIRST_ZERO = np.uint64(0xFFFFFF), np.uint64(ord("Z")), np.uint64(ord("0"))
_DAYS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_EPOCH, _NO_DAY = 719_468, -(2**62)  # days from March of year 0 to 1970; ticks of no day
_TICKS, _TICKS_A_DAY = 10_000_000, 86_400 * 10_000_000

_FIFTEEN, _TEN, _HUNDRED_MILLIONS = np.uint64(15), np.uint64(10), np.uint64(10**8)
_NIBBLES, _PAIRS, _FOURS = (np.uint64((2**64 - 1) // (2**bits + 1)) for bits in (4, 8, 16))
_TO_PAIRS, _TO_FOURS, _TO_EIGHT = (np.uint64(n) for n in (2561, 6553601, 42949672960001))
_MOST_DIGITS = 19  # that a word holds for certain
_EXACT, _EXACT_INTEGERS = np.uint64(2**53), 2.0**53
_BELOW, _MANTISSA = np.uint64(2**9 - 1), np.uint64(2**52 - 1)  # bits below those of a double, and those
_LEAST, _MOST = -27, 55  # powers of ten of which 128 bits tell enough (Lemire 2021, section 5)


def _power(exponent: int) -> int:
    """The 128 leading bits of a power of ten, rounded up when it is a fraction."""
    five: int = 5 ** abs(exponent)
    if exponent < 0:
        return int(2 ** ((five - 1).bit_length() + 127) // five + 1)
    return five << (128 - five.bit_length())


_POWERS = [_power(exponent) for exponent in range(_LEAST, _MOST + 1)]
_HIGH = np.array([power >> 64 for power in _POWERS], np.uint64)
_LOW = np.array([power & (2**64 - 1) for power in _POWERS], np.uint64)
_TENFOLD = np.array([10.0**exponent for exponent in range(23)])


def scan(
    body: Letters,
    words: Words,
    tails: tuple[Letters, Words, Integers],
    state: Integers,
    seen: Words,
    columns: tuple[Integers, Table, Words, Letters],
    odd: Integers,
    runs: Integers,
    rest: Letters,
) -> int:
    """Read events from ``state`` on, until the end or a surprise; which, as DONE and its siblings.

    ``words`` are the eight bytes from each place of ``body`` on, which ends with a brace. ``tails`` are
    those known: letters, words, lengths. ``seen`` is for the letters of the day before. ``columns`` get the
    ticks, the numbers (two views of the same memory) and the tail of each row, ``odd`` the row, start and
    end of each token left to others, ``runs`` the rows of each run, ``rest`` what is between them.
    """
    size, place = len(body), state[PLACE]
    while True:
        if not state[INSIDE]:
            place = _next_run(words, place, size)
            if place < 0:
                state[REST] = _copy(body, state[COPIED], size, rest, state[REST])
                return DONE
            state[REST] = _copy(body, state[COPIED], place, rest, state[REST])
            state[REST] = _write(state[RUNS], rest, state[REST])
            state[PLACE], state[INSIDE], runs[state[RUNS]] = place, 1, 0
        end = _event(body, words, tails, place, state, seen, columns, odd)
        if end < 0:
            state[PLACE] = place
            return UNKNOWN_TAIL if state[END] > 0 else OTHER_LAYOUT
        runs[state[RUNS]] += 1
        if body[end] == _COMMA:
            place = end + 1
        elif body[end] == _CLOSE_BRACKET:
            state[RUNS] += 1
            state[COPIED], state[INSIDE] = end, 0
            place = end
        else:
            state[END] = 0
            return OTHER_LAYOUT


def _event(
    body: Letters,
    words: Words,
    tails: tuple[Letters, Words, Integers],
    place: int,
    state: Integers,
    seen: Words,
    columns: tuple[Integers, Table, Words, Letters],
    odd: Integers,
) -> int:
    """Read the event at ``place``; where it ends, which is inside ``body``, or -1 for a surprise."""
    size, row, time = len(body), state[ROWS], place + 14
    state[END] = 0
    if place + SHORTEST + 4 > size or words[place] != _OPEN or words[place + 6] != _OPEN_END:
        return -1
    if words[time] != seen[_SEEN_DATE] or words[time + 8] & _DAY_BITS != seen[_SEEN_DAY]:
        state[DAY] = _day(body, time)
        seen[_SEEN_DATE], seen[_SEEN_DAY] = words[time], words[time + 8] & _DAY_BITS
    clock, token = _clock(body, words, time)
    if clock < 0 or token == 0 or state[DAY] == _NO_DAY or token + 12 > size:
        return -1
    if body[token] != _QUOTE or body[token + 1] != _COMMA or words[token + 2] != _VALUE:
        return -1
    token += 10
    end, known = _value(body, words, token, row, columns)
    if end < 0:
        return -1
    tail = _tail_at(body, words, tails, state[TAIL], end)
    if tail < 0:
        state[END] = _past(body, end, 1)
        return -1
    if not known:
        other = state[ODD]
        odd[0, other], odd[1, other], odd[2, other] = row, token, end
        state[ODD] += 1
    columns[0][row] = state[DAY] + clock
    columns[3][row] = tail
    state[TAIL] = tail
    state[ROWS] += 1
    return end + tails[2][tail] if end + tails[2][tail] < size else -1


def _next_run(words: Words, place: int, size: int) -> int:
    """Where the next event begins, at or behind ``place``; -1 when none does."""
    while place + SHORTEST < size:
        if words[place] == _OPEN and words[place + 6] == _OPEN_END:
            return place
        place += 1
    return -1


def _copy(body: Letters, start: int, end: int, rest: Letters, into: int) -> int:
    """Copy ``[start, end)`` to ``rest``; where that ends."""
    for place in range(start, end):
        rest[into + place - start] = body[place]
    return into + end - start


def _write(number: int, rest: Letters, into: int) -> int:
    """Write the digits of ``number`` to ``rest``; where they end."""
    power = 1
    while power * 10 <= number:
        power *= 10
    while power > 0:
        rest[into] = _ZERO + number // power % 10
        power //= 10
        into += 1
    return into


def _day(body: Letters, place: int) -> int:
    """The ticks of the day ``YYYY-MM-DDT`` at ``place``; very few when it is none.

    Days are counted in years that begin with March, so that a leap day is the last of its year.
    """
    number = 0
    for offset in (0, 1, 2, 3, 5, 6, 8, 9):
        digit = _INT(body[place + offset]) - _ZERO
        if digit < 0 or digit > 9:
            return _NO_DAY
        number = number * 10 + digit
    year, month, day = number // 10_000, number // 100 % 100, number % 100
    if body[place + 4] != _MINUS or body[place + 7] != _MINUS or body[place + 10] != _BIG_T:
        return _NO_DAY
    if year < 1 or month < 1 or month > 12 or day < 1 or day > 31:
        return _NO_DAY
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day > (_DAYS[month] if month != 2 or not leap else 29):
        return _NO_DAY
    since_march = (month + 9) % 12
    if month < 3:
        year -= 1
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * since_march + 2) // 5 + day - 1
    return (days - _EPOCH) * _TICKS_A_DAY


def _clock(body: Letters, words: Words, place: int) -> tuple[int, int]:
    """The ticks of the day in the time at ``place`` and where its ``Z`` ends; -1 when it is none."""
    minutes, seconds = words[place + 8], words[place + 16]
    if minutes & _CLOCK_BITS != _CLOCK or (minutes + _CLOCK_SIXES) & _CLOCK_BITS != _CLOCK:
        return -1, 0
    if seconds & _SECOND_BITS != _SECOND or (seconds + _SECOND_SIXES) & _SECOND_BITS != _SECOND:
        return -1, 0
    hour = _INT(((minutes >> _U24) & _FIFTEEN) * _TEN + ((minutes >> _U32) & _FIFTEEN))
    minute = _INT(((minutes >> _U48) & _FIFTEEN) * _TEN + ((minutes >> _U56) & _FIFTEEN))
    second = _INT(((seconds >> _U8) & _FIFTEEN) * _TEN + ((seconds >> _U16) & _FIFTEEN))
    if hour > 23 or minute > 59 or second > 59:
        return -1, 0
    part, end = _fraction(body, words, place + 19)
    return (hour * 3600 + minute * 60 + second) * _TICKS + part, end


def _fraction(body: Letters, words: Words, place: int) -> tuple[int, int]:
    """The ticks of a fraction of a second of at most seven digits, and where its ``Z`` ends (0: none)."""
    if body[place] == _BIG_Z:
        return 0, place + 1
    if body[place] != _POINT:
        return 0, 0
    place += 1
    eight = (words[place] << _U8) | _FIRST_ZERO  # seven digits as eight, if they are
    if words[place] >> _U56 == _LAST_Z and _eight_digits(eight):
        return _INT(_eight(eight)), place + 8
    part, start = 0, place
    while place < start + 7 and _ZERO <= body[place] <= _NINE:
        part = part * 10 + (_INT(body[place]) - _ZERO)
        place += 1
    if place == start or body[place] != _BIG_Z:
        return 0, 0
    for _ in range(start + 7 - place):
        part *= 10
    return part, place + 1


def _eight_digits(word: np.uint64) -> bool:
    """Whether all letters of ``word`` are digits."""
    return bool((word & _HIGHS == _ZEROS) & ((word + _SIXES) & _HIGHS == _ZEROS))


def _eight(word: np.uint64) -> np.uint64:
    """The number that eight digits are: pairs, then fours, then all, in one word each."""
    word = ((word & _NIBBLES) * _TO_PAIRS) >> _U8
    word = ((word & _PAIRS) * _TO_FOURS) >> _U16
    return ((word & _FOURS) * _TO_EIGHT) >> _U32


def _value(
    body: Letters, words: Words, place: int, row: int, columns: tuple[Integers, Table, Words, Letters]
) -> tuple[int, bool]:
    """Where the token at ``place`` ends (-1 when it is none), and whether its number is in ``columns``."""
    letter = body[place]
    if _ZERO <= letter <= _NINE or letter == _MINUS:
        return _number(body, words, place, row, columns)
    if letter == _QUOTE:
        return _past_text(body, place + 1), False
    if letter == _OPEN_BRACE:
        return _past(body, place + 1, 1), False
    if letter in (_LITTLE_T, _LITTLE_F, _LITTLE_N):
        while _LITTLE_A <= body[place] <= _LITTLE_Z:
            place += 1
        return place, False
    return -1, False


def _number(
    body: Letters, words: Words, place: int, row: int, columns: tuple[Integers, Table, Words, Letters]
) -> tuple[int, bool]:
    """Read the number at ``place``, which ends before the last letter of ``body``."""
    negative = body[place] == _MINUS
    if negative:
        place += 1
    start, lead = place, body[place]
    digits, place = _digits(body, words, place, np.uint64(0))
    if place == start or (lead == _ZERO and place > start + 1):
        return -1, False
    count, exponent = place - start, 0
    if body[place] == _POINT:
        start = place + 1
        digits, place = _digits(body, words, start, digits)
        if place == start:
            return -1, False
        exponent = start - place
        count -= exponent
    if body[place] in (_LITTLE_E, _BIG_E):
        power, place = _exponent(body, place + 1)
        if place < 0:
            return -1, False
        exponent += power
    if count > _MOST_DIGITS:
        return place, False
    return place, _convert(digits, exponent, negative, row, columns)


def _digits(body: Letters, words: Words, place: int, before: np.uint64) -> tuple[np.uint64, int]:
    """``before`` followed by the digits at ``place``, as one number (if it fits), and where they end."""
    while place + 8 < len(body) and _eight_digits(words[place]):
        before = before * _HUNDRED_MILLIONS + _eight(words[place])
        place += 8
    while _ZERO <= body[place] <= _NINE:
        before = before * _TEN + (np.uint64(body[place]) - _FIRST_ZERO)
        place += 1
    return before, place


def _exponent(body: Letters, place: int) -> tuple[int, int]:
    """The exponent whose sign or first digit is at ``place``, and where it ends; -1 when there is none."""
    negative = body[place] == _MINUS
    if negative or body[place] == _PLUS:
        place += 1
    start, power = place, 0
    while _ZERO <= body[place] <= _NINE:
        if power < 10_000:
            power = power * 10 + (_INT(body[place]) - _ZERO)
        place += 1
    if place == start:
        return 0, -1
    return -power if negative else power, place


def _convert(
    digits: np.uint64,
    exponent: int,
    negative: bool,
    row: int,
    columns: tuple[Integers, Table, Words, Letters],
) -> bool:
    """Store the double next to ``digits`` times ten to the ``exponent``; whether that was possible.

    It is not for numbers from 2^53 on, whose digits are kept, and very small ones.
    """
    numbers, bits = columns[1], columns[2]
    if digits <= _EXACT and -22 <= exponent <= 22:
        number = np.float64(digits)
        number = number / _TENFOLD[-exponent] if exponent < 0 else number * _TENFOLD[exponent]
        numbers[row] = -number if negative else number
        return bool(number < _EXACT_INTEGERS)
    if digits == 0 or not _LEAST <= exponent <= _MOST:
        return False
    found = _nearest(digits, exponent)
    if found == 0:
        return False
    bits[row] = found | (_ONE << _U63) if negative else found
    return bool(abs(numbers[row]) < _EXACT_INTEGERS)


def _nearest(digits: np.uint64, exponent: int) -> np.uint64:
    """The bits of the double next to ``digits`` (not 0) times ten to the ``exponent``; 0: unsure."""
    shift = np.uint64(0)
    while digits >> _U56 == 0:
        digits <<= _U8
        shift += _U8
    while digits >> _U63 == 0:
        digits <<= _ONE
        shift += _ONE
    high, low = _multiply(digits, _HIGH[exponent - _LEAST])
    if high & _BELOW == _BELOW:
        more, _ = _multiply(digits, _LOW[exponent - _LEAST])
        low += more
        if more > low:
            high += _ONE
    upper = high >> _U63
    mantissa = high >> (upper + _U9)
    if low <= _ONE and mantissa & _U3 == _ONE:
        return np.uint64(0)  # perhaps halfway between two doubles
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    power = ((217706 * exponent) >> 16) + 1086 + _INT(upper) - _INT(shift)
    if mantissa >> _U53:
        mantissa >>= _ONE
        power += 1
    return (mantissa & _MANTISSA) | (np.uint64(power) << _U52)


def _multiply(left: np.uint64, right: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The product of two words, as its high and its low word."""
    a, b, c, d = left >> _U32, left & _LOW32, right >> _U32, right & _LOW32
    low, inner, outer = b * d, a * d, b * c
    middle = (low >> _U32) + (inner & _LOW32) + outer
    return a * c + (inner >> _U32) + (middle >> _U32), (middle << _U32) | (low & _LOW32)


def _past_text(body: Letters, place: int) -> int:
    """The place behind the quote that closes the text whose letters begin at ``place``; -1: none does."""
    while place < len(body):
        letter = body[place]
        place += 1
        if letter == _QUOTE:
            return place if place < len(body) else -1
        if letter == _BACKSLASH:
            place += 1
    return -1


def _past(body: Letters, place: int, depth: int) -> int:
    """The place behind the brace that closes ``depth`` objects that are open at ``place``; -1: none does."""
    while place < len(body):
        letter = body[place]
        place += 1
        if letter == _QUOTE:
            place = _past_text(body, place)
            if place < 0:
                return -1
        elif letter == _OPEN_BRACE:
            depth += 1
        elif letter == _CLOSE_BRACE:
            depth -= 1
            if depth == 0:
                return place if place < len(body) else -1
    return -1


def _tail_at(
    body: Letters, words: Words, tails: tuple[Letters, Words, Integers], likely: int, place: int
) -> int:
    """Which of the ``tails`` is at ``place``, the ``likely`` one first; -1 when none is."""
    count = len(tails[2])
    if likely < count and _is_tail(body, words, tails, likely, place):
        return likely
    for tail in range(count):
        if tail != likely and _is_tail(body, words, tails, tail, place):
            return tail
    return -1


def _is_tail(
    body: Letters, words: Words, tails: tuple[Letters, Words, Integers], tail: int, place: int
) -> bool:
    length, known = tails[2][tail], 0
    if place + length > len(body):
        return False
    while known + 8 <= length and place + known + 8 <= len(body):
        if words[place + known] != tails[1][tail, known >> 3]:
            return False
        known += 8
    while known < length and body[place + known] == tails[0][tail, known]:
        known += 1
    return bool(known == length)
