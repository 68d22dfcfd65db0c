"""Builds a larger model that answers as the demo model does, to measure what a draft gains. Not committed.

Run from the project root with the packages of tools/requirements.txt: python tools/build_bench_pair.py

The demo model is so small that a step's fixed costs decide. This one has its words and many times its work: beside each
feed-forward layer another, wide one, whose output is too small to change anything. The demo model's draft, which knows
nothing of it, comes into its folder.
"""

import argparse
import shutil
from pathlib import Path

import nncf
import numpy as np
import openvino
from demo.export import write_json
from openvino import opset13

DEMO = Path(__file__).resolve().parent.parent / "models" / "demo_server-guide"
_NOTHING = 1e-7


def widen(network: openvino.Model, parameters: float, seed: int) -> None:
    """So many more parameters, evenly over the layers."""
    nodes = {node.get_friendly_name(): node for node in network.get_ordered_ops() if node.get_type_name() == "MatMul"}
    layers = [name for name in nodes if ".mlp.down_proj" in name]
    random = np.random.default_rng(seed)
    for name in layers:
        down, gate = nodes[name], nodes[name.replace("down_proj", "gate_proj")]
        hidden = down.get_output_partial_shape(0)[-1].get_length()
        width = round(parameters / len(layers) / (2 * hidden) / 64) * 64
        first = random.standard_normal((width, hidden), dtype=np.float32)
        second = _NOTHING * random.standard_normal((hidden, width), dtype=np.float32)
        readers = down.output(0).get_target_inputs()
        weights = [opset13.constant(each, name=f"{name}/wide/{index}") for index, each in enumerate((first, second))]
        wide = opset13.relu(opset13.matmul(gate.input_value(0), weights[0], False, True))
        added = opset13.add(down, opset13.matmul(wide, weights[1], False, True))
        for reader in readers:
            reader.replace_source_output(added.output(0))
    network.validate_nodes_and_infer_types()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=float, default=100e6, help="about how many it gains (default: 100e6)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=DEMO.parents[1] / "benchmarks" / "models" / "bench-pair")
    options = parser.parse_args()

    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})
    network = core.read_model(DEMO / "openvino_model.xml")
    widen(network, options.parameters, options.seed)
    network = nncf.compress_weights(network, mode=nncf.CompressWeightsMode.INT8_SYM)
    shutil.copytree(DEMO, options.output, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.md"))
    openvino.save_model(network, options.output / "openvino_model.xml")
    write_json(
        options.output / "metadata.json",
        {
            "model_id": f"bench/{options.output.name}",
            "revision": "main",
            "commit": None,
            "downloaded_at": None,
            "source": "built",
        },
    )
    size = (options.output / "openvino_model.bin").stat().st_size
    print(f"{size / 1e6:.0f} MB of weights in {options.output.name}")


if __name__ == "__main__":
    main()
