import httpx
from prometheus_client.parser import text_string_to_metric_families


async def test_the_devices_states_are_told(client: httpx.AsyncClient) -> None:
    text = (await client.get("/metrics")).text
    states = {
        sample.labels["device"]: sample.labels["state"]
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "openvino_device_state" and sample.value
    }
    assert states == {"gpu": "no_models", "npu": "no_models"}
    assert 'openvino_device_restarts_total{device="gpu"} 0.0' in text
