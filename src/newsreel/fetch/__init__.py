"""What goes out to publishers: one client for everything, guarded and polite.

The modules are imported where they are used, so that ``newsreel --help`` need not load them.
"""
