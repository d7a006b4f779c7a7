"""WHICH RUNG IS ENOUGH.

Results ─► Ladder (checks against the bar, paired contrasts) ─► Verdict (advice, caveats)
"""
