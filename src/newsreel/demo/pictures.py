"""Pictures and recordings for articles that have one: small, made from the article's name."""

import hashlib
import math
import struct

WIDTH, HEIGHT = 320, 180
RATE = 8000


def picture_of(name: str) -> bytes:
    """Return a landscape as SVG: sky, sun, three rows of hills."""
    digest = hashlib.sha256(name.encode()).digest()
    hue = digest[0] * 360 // 256
    x, y, radius = 40 + digest[1], 20 + digest[2] // 4, 12 + digest[3] // 16
    sun = f"hsl({(hue + 40) % 360} 80% 70%)"
    shapes = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="hsl({hue} 45% 88%)"/>',
        f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{sun}"/>',
    ]
    for row in range(3):
        line = " ".join(f"{x},{_height(digest, row, x)}" for x in range(0, WIDTH + 1, 20))
        corners = f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}"
        shapes.append(f'<polygon points="{corners}" fill="hsl({hue} 30% {60 - row * 16}%)"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
    return (head + "".join(shapes) + "</svg>\n").encode()


def _height(digest: bytes, row: int, x: int) -> int:
    waves = 1 + digest[4 + row] % 4
    swell = math.sin(x / WIDTH * waves * math.tau + digest[8 + row] / 40)
    return round(85 + row * 28 + swell * (8 + digest[12 + row] / 24))


def recording_of(name: str) -> bytes:
    """Return half a second of a hum as a WAV file."""
    pitch = 110 + hashlib.sha256(name.encode()).digest()[0]
    count = RATE // 2
    samples = [round(6000 * math.sin(math.tau * pitch * at / RATE)) for at in range(count)]
    data = struct.pack(f"<{count}h", *samples)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    body = b"WAVE" + form + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body
