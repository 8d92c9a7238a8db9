"""All figures of README's performance table: ``python -m benchmarks``."""

from pathlib import Path

from benchmarks import load, loras, road

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "pbmc3k.h5ad"

loras.main()
road.main([])
if SHARED.exists():
    road.main([str(SHARED), "cell_type", "Platelet"])
load.main()
