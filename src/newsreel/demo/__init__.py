"""A newsroom in a box: invented papers live through a week in seconds, and are polled for real.

:mod:`~newsreel.demo.papers` says what they print and when, :mod:`~newsreel.demo.press` writes it
in their formats, :mod:`~newsreel.demo.publisher` serves it on a loopback socket, and
:mod:`~newsreel.demo.newsroom` lets time pass and polls.
"""
