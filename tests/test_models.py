"""Two stems, shared layers: every row through its own stem, weights in and out of files."""

import pickle
import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import nn

from vireid import models
from vireid.data.augment import to_input
from vireid.models.parts import BNNeck, GeM, NonLocal, Stems
from vireid.models.weights import fetch

REAL = Path(__file__).resolve().parents[1].parent / "shared/realdata"
SQUEEZENET = REAL / "imagenet_squeezenet/squeezenet1_1_imagenet.npz"
MIXED = torch.tensor([0, 1, 1, 0, 1])


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def small():
    torch.manual_seed(0)
    return models.build("small", width=8, dim=16)


@pytest.fixture(scope="module")
def agw():
    torch.manual_seed(0)
    return models.build("agw").eval()


# ---- parts


def test_each_row_goes_through_its_own_stem_and_back_to_its_place():
    stems = Stems(lambda: nn.Conv2d(3, 4, 3, padding=1))
    x = random(5, 3, 6, 4)
    found = stems(x, MIXED)
    for i, m in enumerate(MIXED.tolist()):
        own = (stems.visible, stems.infrared)[m](x[i : i + 1])[0]
        assert torch.allclose(found[i], own, atol=1e-6)
    assert not torch.allclose(stems.visible(x), stems.infrared(x))
    for m, own in enumerate((stems.visible, stems.infrared)):
        assert torch.equal(stems(x, torch.full((5,), m)), own(x))


def test_a_shared_stem_serves_both():
    stems = Stems(lambda: nn.Conv2d(3, 4, 3), shared=True)
    x = random(5, 3, 6, 4)
    assert torch.equal(stems(x, MIXED), stems(x, 1 - MIXED))
    assert [k.split(".")[0] for k in stems.state_dict()] == ["shared", "shared"]


@pytest.mark.parametrize(
    ("shape", "modality", "says"),
    [
        ((2, 1, 8, 8), [0, 1], r"\(2, 1, 8, 8\)"),
        ((2, 3, 8), [0, 1], r"\(2, 3, 8\)"),
        ((2, 3, 8, 8), [0], r"\(1,\) for 2 pictures"),
        ((2, 3, 8, 8), [0, 2], r"\[0, 2\]; only 0 visible and 1 infrared"),
    ],
)
def test_wrong_input_is_named(small, shape, modality, says):
    with pytest.raises(ValueError, match=says):
        small(torch.zeros(shape), torch.tensor(modality))


def test_gem_is_the_cube_root_of_the_mean_cube():
    x = random(2, 3, 4, 5).abs()
    for b, c in np.ndindex(2, 3):
        expected = (sum(v**3 for v in x[b, c].flatten().tolist()) / 20 + 1e-12) ** (1 / 3)
        assert GeM()(x)[b, c].item() == pytest.approx(expected, rel=1e-5)
    assert torch.allclose(GeM(p=1)(x), x.mean((2, 3)))
    assert (GeM()(x) > x.mean((2, 3))).all()
    zeros = torch.zeros(1, 2, 3, 3, requires_grad=True)
    GeM()(zeros).sum().backward()
    assert torch.isfinite(zeros.grad).all()


def test_the_neck_has_a_frozen_zero_shift_and_a_scale_near_one():
    torch.manual_seed(0)
    neck = BNNeck(4000)
    assert not neck.bias.requires_grad and (neck.bias == 0).all()
    assert neck.weight.mean().item() == pytest.approx(1, abs=4 * 0.01 / 4000**0.5)
    assert neck.weight.std().item() == pytest.approx(0.01, abs=0.001)


@pytest.mark.parametrize("inner", [2, 20])  # fewer channels than places, and more
def test_non_local_starts_as_identity_and_then_adds_the_dot_product_sum(inner):
    torch.manual_seed(0)
    block, x = NonLocal(6, inner=inner), random(2, 6, 4, 3)
    assert torch.equal(block(x), x)
    nn.init.ones_(block.out[1].weight)
    block.eval()
    theta, phi, g = (f(x).flatten(2) for f in (block.theta, block.phi, block.g))
    y = torch.zeros_like(theta)
    for i in range(12):
        for j in range(12):
            y[:, :, i] += (theta[:, :, i] * phi[:, :, j]).sum(1, keepdim=True) * g[:, :, j] / 12
    assert torch.allclose(block(x), x + block.out(y.reshape(2, inner, 4, 3)), atol=1e-5)


# ---- build


def test_unknown_names_and_options_list_the_known():
    with pytest.raises(ValueError, match=r"'resnet'; known: agw, .*small.*squeezenet"):
        models.build("resnet")
    with pytest.raises(ValueError, match="small has no option depth; known: width, dim"):
        models.build("small", depth=3)
    with pytest.raises(ValueError, match="width=2"):
        models.build("small", width=2)
    with pytest.raises(ValueError, match="stem='both'; known: split, shared"):
        models.build("agw", stem="both")
    with pytest.raises(ValueError, match="inner=0"):
        models.build("agw", inner=0)
    with pytest.raises(ValueError, match="convention='bgr'; known: caffe, torchvision"):
        models.build("squeezenet", convention="bgr")


def test_small_networks_do_not_wait_for_torchvision():
    code = (
        "import sys; from vireid import models, features; models.build('small');"
        "print('torchvision' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


# ---- small


def test_small_has_the_size_it_is_meant_to_have():
    model = models.build("small")
    assert 0.6e6 < sum(p.numel() for p in model.parameters()) < 1.2e6
    for size in ((96, 48), (64, 32)):
        out = model(random(4, 3, *size), torch.tensor([0, 1, 0, 1]))
        assert out.x.shape == (4, model.dim) and out.tokens is None and out.attention is None
    assert models.build("small", width=16, dim=40).dim == 40


def test_shared_layers_see_one_batch_of_both_modalities(small):
    x = random(5, 3, 32, 16)
    seen = []
    first = small.shared[0].first[0]
    first.register_forward_hook(lambda _, inputs, out: seen.append(out))
    small.train()
    small(x, MIXED)
    running = small.shared[0].first[1].running_mean  # momentum 0.1 from 0
    assert torch.allclose(running, 0.1 * seen[0].mean((0, 2, 3)), atol=1e-6)
    assert len(seen) == 1 and len(seen[0]) == 5


def test_a_modality_moves_only_its_own_stem(small):
    small(random(4, 3, 32, 16), torch.zeros(4, dtype=torch.long)).x.square().sum().backward()
    assert all(p.grad is None for p in small.stems.infrared.parameters())
    assert all(p.grad.abs().sum() > 0 for p in small.stems.visible[0].parameters())


def test_row_order_and_batch_mates_do_not_matter_in_evaluation(small):
    small.eval()
    x, order = random(5, 3, 32, 16), torch.tensor([3, 1, 4, 0, 2])
    whole = small(x, MIXED).x
    assert torch.allclose(small(x[order], MIXED[order]).x, whole[order], atol=1e-5)
    assert torch.allclose(small(x[:1], MIXED[:1]).x, whole[:1], atol=1e-5)


def test_small_learns_four_colours_across_modalities(small):
    generator = torch.Generator().manual_seed(0)
    colour = torch.randn(4, 3, 1, 1, generator=generator)
    label, modality = torch.arange(16) % 4, torch.arange(16) // 8
    x = colour[label] + 0.3 * torch.randn(16, 3, 32, 16, generator=generator)
    x = torch.where(modality[:, None, None, None] == 1, -x, x)  # the infrared world is inverted
    head = nn.Linear(16, 4)
    optimiser = torch.optim.Adam([*small.parameters(), *head.parameters()], lr=1e-2)
    losses = []
    for _ in range(25):
        loss = nn.functional.cross_entropy(head(small(x, modality).x), label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 0.8 and losses[-1] < 0.1


# ---- AGW


def test_agw_is_the_network_of_the_paper(agw):
    assert agw.dim == 2048
    assert list(agw.non_local) == ["layer2_2", "layer2_3", "layer3_3", "layer3_4", "layer3_5"]
    assert [block.theta.out_channels for block in agw.non_local.values()] == [256] * 2 + [512] * 3
    maps = []
    hook = agw.layer4[-1].register_forward_hook(lambda _, inputs, out: maps.append(out))
    with torch.no_grad():
        out = agw(random(2, 3, 64, 32), torch.tensor([0, 1]))
    hook.remove()
    assert maps[0].shape == (2, 2048, 4, 2)  # 1/16: the last stride is 1
    assert out.x.shape == (2, 2048)
    assert not agw.neck.bias.requires_grad
    assert list(models.build("agw", non_local=False).non_local) == []
    assert models.build("agw", inner=1).non_local["layer3_5"].theta.out_channels == 1


def test_agw_takes_torchvision_weights_into_both_stems(agw, tmp_path):
    from torchvision.models import resnet50

    torch.manual_seed(1)
    body = resnet50(num_classes=7).eval()
    torch.save({"state_dict": {f"module.{k}": v for k, v in body.state_dict().items()}},
               tmp_path / "body.pth")  # fmt: skip
    neck = agw.neck.weight.clone()
    assert models.load_weights(agw, tmp_path / "body.pth") is agw
    assert torch.equal(agw.neck.weight, neck)
    body.layer4[0].conv2.stride = body.layer4[0].downsample[0].stride = (1, 1)
    reference = nn.Sequential(*list(body.children())[:-2], GeM())
    x = random(2, 3, 64, 32)
    with torch.no_grad():  # non-local blocks start as identities
        expected = agw.neck(reference(x))
        for modality in ([0, 1], [1, 0]):
            found = agw(x, torch.tensor(modality)).x
            assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_agw_with_one_stem(tmp_path):
    shared = models.build("agw", stem="shared")
    assert not any("visible" in k for k in shared.state_dict())
    models.save(shared, tmp_path / "shared.safetensors")
    split = models.build("agw", weights=tmp_path / "shared.safetensors")
    for side in (split.stems.visible, split.stems.infrared):
        assert torch.equal(side.conv1.weight, shared.stems.shared.conv1.weight)
    models.save(split, tmp_path / "split.safetensors")
    with pytest.raises(ValueError, match=r"5 missing: stems\.shared.*12 unexpected: stems\."):
        models.load_weights(shared, tmp_path / "split.safetensors")


def test_without_a_network_the_error_says_what_to_do():
    class Unreachable:
        url = "https://weights.invalid/models/resnet50-0.pth"

        @staticmethod
        def get_state_dict(**_):
            raise URLError("no route to host")

    with pytest.raises(FileNotFoundError, match=r"no route to host.*checkpoints or pass weights="):
        fetch(Unreachable)


# ---- files


def test_weights_come_back_as_they_were(small, tmp_path):
    small(random(5, 3, 32, 16), MIXED)  # moves the running statistics
    models.save(small, tmp_path / "new" / "small.safetensors")
    again = models.build("small", width=8, dim=16, weights=tmp_path / "new" / "small.safetensors")
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in small.state_dict().items())
    models.save(small, tmp_path / "half.safetensors", half=True)
    again = models.build("small", width=8, dim=16, weights=tmp_path / "half.safetensors")
    x = random(5, 3, 32, 16)
    assert torch.allclose(again.eval()(x, MIXED).x, small.eval()(x, MIXED).x, atol=0.02)
    assert next(again.parameters()).dtype == torch.float32
    whole = (tmp_path / "new" / "small.safetensors").stat().st_size
    assert (tmp_path / "half.safetensors").stat().st_size < 0.65 * whole


def test_one_stem_is_copied_into_both(small, tmp_path):
    from safetensors.torch import save_file

    state = {
        k.replace("stems.visible.", "stems.shared."): v
        for k, v in small.state_dict().items()
        if not k.startswith("stems.infrared.")
    }
    save_file(state, tmp_path / "one.safetensors")
    models.load_weights(small, tmp_path / "one.safetensors")
    visible, infrared = small.stems.visible[0].weight, small.stems.infrared[0].weight
    assert torch.equal(visible, infrared) and visible.data_ptr() != infrared.data_ptr()


def test_what_does_not_fit_is_listed(small, tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(FileNotFoundError, match="no weights at"):
        models.load_weights(small, tmp_path / "none.safetensors")
    (tmp_path / "small.onnx").touch()
    with pytest.raises(ValueError, match=r"small\.onnx: known endings"):
        models.load_weights(small, tmp_path / "small.onnx")
    state = small.state_dict()
    state["extra"] = state.pop("neck.running_mean")
    before = small.neck.weight.clone()
    state["neck.weight"] = torch.zeros(3)
    save_file(state, tmp_path / "broken.safetensors")
    with pytest.raises(ValueError) as error:
        models.load_weights(small, tmp_path / "broken.safetensors")
    for part in ("1 missing: neck.running_mean", "1 unexpected: extra",
                 "1 shapes: neck.weight is (3,), the network has (16,)", "options"):  # fmt: skip
        assert part in str(error.value)
    assert torch.equal(small.neck.weight, before), "a refused file must change nothing"


def test_named_weights_belong_to_their_network(small):
    with pytest.raises(ValueError, match="belong to the network 'small', not to SqueezeNet"):
        models.build("squeezenet", weights="synthvi")
    with pytest.raises(ValueError, match="no ImageNet weights for Small"):
        models.load_weights(small, "imagenet")
    with pytest.raises(ValueError, match="convention='torchvision'"):
        models.build("squeezenet", weights="imagenet")


def test_weights_that_carry_code_are_refused(small, tmp_path):
    torch.save({"neck.weight": Path("anything")}, tmp_path / "code.pth")
    with pytest.raises(pickle.UnpicklingError):
        models.load_weights(small, tmp_path / "code.pth")


# ---- SqueezeNet


def test_squeezenet_converts_to_bgr_minus_the_caffe_mean():
    model = models.build("squeezenet")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    expected = pictures[..., ::-1].astype(np.float32) - np.float32([104, 117, 123])
    found = model.convert(to_input(pictures)).permute(0, 2, 3, 1)
    assert np.allclose(found.numpy(), expected, atol=1e-3)
    same = models.build("squeezenet", convention="torchvision").convert(to_input(pictures))
    assert torch.equal(same, to_input(pictures))


def test_squeezenet_files_carry_their_convention(tmp_path):
    caffe = models.build("squeezenet")
    models.save(caffe, tmp_path / "caffe.safetensors")
    again = models.build(
        "squeezenet", convention="torchvision", weights=tmp_path / "caffe.safetensors"
    )
    assert torch.equal(again.convert.matrix, caffe.convert.matrix)
    x = random(5, 3, 64, 32)
    assert torch.equal(again.eval()(x, MIXED).x, caffe.eval()(x, MIXED).x)
    assert again.dim == again(x, MIXED).x.shape[1] == 512


@pytest.mark.real
@pytest.mark.skipif(not SQUEEZENET.exists(), reason=f"no ImageNet weights at {SQUEEZENET}")
def test_squeezenet_equals_torchvisions_with_the_real_weights():
    from torchvision.models import squeezenet1_1

    reference = squeezenet1_1().eval()
    with np.load(SQUEEZENET) as z:
        reference.load_state_dict({k: torch.from_numpy(z[k].astype("float32")) for k in z.files})
    pictures = np.random.default_rng(0).integers(0, 256, (5, 96, 48, 3), dtype=np.uint8)
    bgr = torch.from_numpy(pictures[..., ::-1].copy()).permute(0, 3, 1, 2).float()
    model = models.build("squeezenet", weights=SQUEEZENET).eval()
    with torch.no_grad():
        expected = reference.features(bgr - torch.tensor([104.0, 117, 123])[:, None, None])
        found = model.maps(to_input(pictures), MIXED)
    assert found.shape == (5, 512, 5, 2)
    assert torch.allclose(found, expected, atol=1e-3)  # entries reach 170
    stems = model.stems
    assert torch.equal(stems.visible[0].weight, stems.infrared[0].weight)
    stems.visible[0].weight.data.mul_(0.5)
    assert not torch.equal(stems.visible[0].weight, stems.infrared[0].weight)
