"""The fit that all fit scripts share (targets/fitting.py, where `mapper calibrate` has it too)."""

from targets.fitting import Array, Constants, Range, Residuals, fit

__all__ = ["Array", "Constants", "Range", "Residuals", "fit"]
