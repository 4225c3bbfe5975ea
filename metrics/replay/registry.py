"""Every dataset that can be replayed. A new one is one new file and one line here."""

from metrics.replay import halie, petshop
from metrics.replay.trace import Dataset

DATASETS: dict[str, Dataset] = {
    dataset.code: dataset for dataset in (halie.DATASET, petshop.DATASET)
}
