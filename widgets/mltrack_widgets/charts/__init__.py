"""Charts as pure functions: a data frame in, an Altair chart out; usable alone, with no store and no kernel.

Altair is imported by the first chart that is drawn, and pandas by none.
"""

from mltrack_widgets.charts.curve_look import CurveLook
from mltrack_widgets.charts.curves import metric_curves
from mltrack_widgets.charts.importance import Importance, Importances, importance_chart, importances
from mltrack_widgets.charts.parallel import parallel_coordinates
from mltrack_widgets.charts.scatter import param_scatter
from mltrack_widgets.charts.table import run_table_chart

__all__ = [
    "CurveLook",
    "Importance",
    "Importances",
    "importance_chart",
    "importances",
    "metric_curves",
    "parallel_coordinates",
    "param_scatter",
    "run_table_chart",
]
