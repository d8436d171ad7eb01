"""Runs as one HTML file that needs nothing else: no network, no server, no program.

It is built without importing plotly: figures are plain dicts in plotly.js's own format, and the script itself is a file
of the plotly wheel. So the command line writes reports too, and the core still knows no dashboard.
"""
