"""What goes out to publishers: one client for everything, guarded and polite.

The modules are imported where they are used: aiohttp alone costs 200 ms of start-up.
"""
