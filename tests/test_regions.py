"""Region networks: shapes, the exact parameter count, checkpoint conversion; specification §1.8."""

import pytest
import torch

from vireid.experiment.setup import usual_weights
from vireid.models import build, load_weights, save
from vireid.models.attention import attention_maps
from vireid.models.regions import RegionNet, SmallRegions, SqueezeRegions, stem_of, stripe_pool
from vireid.models.vit import LUP, RegionViT, one_token

TINY = {"size": (64, 32), "width": 32, "depth": 2, "heads": 4, "drop_path": 0.0}


def pictures(b=4, h=64, w=32, seed=0):
    return torch.randn(b, 3, h, w, generator=torch.Generator().manual_seed(seed))


def count(model):
    return sum(p.numel() for p in model.parameters())


def vit(**options):
    torch.manual_seed(0)
    return RegionViT(**(TINY | options))


def test_the_papers_vit():
    with torch.device("meta"):
        model, attentive = RegionViT(regions=4), RegionViT(regions=4, attention="pre_last_block")
        assert RegionViT(regions=6).dim == 4608
        batch = torch.empty(2, 3, 384, 128)
    assert count(model) == 91_675_776
    assert count(attentive) == 91_675_776 + 184_320 + 121
    assert count(model.stems.visible) == count(model.stems.infrared) == 3_230_016
    assert count(model.blocks) == 12 * 7_087_872
    out = model(batch, torch.zeros(2, dtype=torch.int64))
    assert out.x.shape == (2, 3072) and out.tokens.shape == (2, 4, 768) and out.attention is None


def test_stem_shapes():
    stem = vit().stems.visible
    x = pictures(2)
    shapes = []
    for layer in stem:
        x = layer(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes[0] == (64, 32, 16) and shapes[8] == (64, 32, 16) and shapes[9] == (32, 4, 2)


def test_three_modalities_two_stems():
    assert stem_of(torch.tensor([0, 1, 2])).tolist() == [0, 1, 0]
    x, model = pictures(3), vit().eval()
    codes = torch.tensor([0, 1, 2])
    out = model(x, codes).x
    for i in range(3):  # a row does not depend on its company in evaluation mode
        torch.testing.assert_close(out[i], model(x[i : i + 1], codes[i : i + 1]).x[0])
    same = model(x[:1].expand(3, -1, -1, -1), codes).x
    torch.testing.assert_close(same[0], same[2])
    assert (same[0] - same[1]).abs().max() > 1e-3
    with pytest.raises(ValueError, match="modality holds"):
        model(x, torch.tensor([0, 1, 3]))


def test_one_region_is_an_ordinary_vit():
    from timm.models.vision_transformer import VisionTransformer

    model = vit(regions=1).eval()
    plain = VisionTransformer(
        img_size=(64, 32), embed_dim=32, depth=2, num_heads=4, num_classes=0, global_pool="token"
    ).eval()
    mine = model.state_dict()
    plain.load_state_dict({k: mine.get(k, v) for k, v in plain.state_dict().items()})
    x = pictures(2)
    patches = model.stems.visible(x).flatten(2).transpose(1, 2)
    plain.patch_embed = torch.nn.Identity()
    expected = plain(patches)
    out = model(x, torch.zeros(2, dtype=torch.int64))
    torch.testing.assert_close(out.tokens[:, 0], expected, atol=1e-5, rtol=1e-4)


def test_feature_is_the_tokens_behind_one_neck_per_region():
    model = vit(regions=3).train()
    out = model(pictures(), torch.tensor([0, 1, 2, 1]))
    for n in range(3):
        own = slice(32 * n, 32 * n + 32)
        token = out.tokens[:, n]
        expected = (token - token.mean(0)) / (token.var(0, unbiased=False) + 1e-5).sqrt()
        torch.testing.assert_close(out.x[:, own], expected * model.neck.weight[own])
    assert not model.neck.bias.requires_grad and model.neck.bias.abs().max() == 0


def test_stochastic_depth_rises_linearly():
    blocks = vit(depth=4, drop_path=0.3).blocks
    rates = [getattr(b.drop_path1, "drop_prob", 0.0) for b in blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3])


@pytest.mark.parametrize("place", ["pre_last_block", "patch_embed"])
def test_attention_in_the_vit(place):
    model = vit(attention=place).eval()
    x, codes = pictures(), torch.tensor([0, 1, 2, 1])
    out = model(x, codes)
    assert out.attention.shape == (4, 32) and 0 < out.attention.min() <= out.attention.max() < 1
    maps = attention_maps(model, x, codes)
    torch.testing.assert_close(maps.channel, out.attention)
    assert maps.spatial.shape == (4, 1, 4, 2) and maps.x.shape == (4, 32, 4, 2)
    out.x.sum().backward()
    assert model.attention.channel.mlp[0].weight.grad.abs().max() > 0
    with torch.no_grad():
        bare = vit()
        bare.load_state_dict(model.state_dict(), strict=False)
        model.attention.forward = lambda x: (x, None, None)  # a gate that lets all pass
        torch.testing.assert_close(model(x, codes).x, bare.eval()(x, codes).x)


def test_half_precision_training_step():
    model = vit(attention="pre_last_block", drop_path=0.1).train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(pictures(), torch.tensor([0, 1, 2, 1]))
    out.x.float().square().mean().backward()
    used = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in used)


def test_vit_bad_input():
    with pytest.raises(ValueError, match=r"\(48, 32\).*\(64, 32\)"):
        vit()(pictures(h=48), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match="multiples of 16"):
        vit(size=(60, 32))
    with pytest.raises(ValueError, match="regions=0"):
        vit(regions=0)
    with pytest.raises(ValueError, match="pre_last_block, patch_embed"):
        vit(attention="feature_map")


# ---- conversion ----


def one_token_checkpoint(grid=(2, 2), stem=True):
    donor = vit(regions=1, size=(16 * grid[0], 16 * grid[1]))
    state = {k: v for k, v in donor.state_dict().items() if not k.startswith(("stems", "neck"))}
    if stem:
        for k, v in donor.stems.visible.state_dict().items():
            name = f"proj.{k[2:]}" if k.startswith("9.") else f"conv.{k}"
            state[f"patch_embed.{name}"] = v
    return donor, state | {"head.weight": torch.zeros(10, 32)}


def test_conversion_broadcasts_and_resizes():
    donor, state = one_token_checkpoint()
    with torch.no_grad():  # a ramp over the rows survives a bilinear resize at its ends
        state["pos_embed"][0, 1:] = torch.tensor([0.0, 0.0, 1.0, 1.0])[:, None]
    model = vit(regions=3)
    start = model.pos_embed.detach().clone()
    missing, unexpected = model.load_state_dict(one_token(state, model), strict=False)
    assert not unexpected and all(k.startswith(("neck.", "attend")) for k in missing)
    for n in range(3):
        torch.testing.assert_close(model.cls_token[0, n], donor.cls_token[0, 0])
    torch.testing.assert_close(model.pos_embed[:, :3], start[:, :3])  # class positions stay random
    ramp = model.pos_embed[0, 3:, 0].detach().reshape(4, 2)
    torch.testing.assert_close(ramp, torch.tensor([0, 0.25, 0.75, 1])[:, None].expand(4, 2))
    for stem in (model.stems.visible, model.stems.infrared):
        for a, b in zip(stem.parameters(), donor.stems.visible.parameters(), strict=True):
            assert torch.equal(a, b)


def test_conversion_of_the_same_grid_is_exact():
    donor, state = one_token_checkpoint(grid=(4, 2))  # twice as high as wide: found by itself
    model = vit(regions=1)
    model.load_state_dict(
        one_token({f"module.{k}": v for k, v in state.items()}, model), strict=False
    )
    prefixed = {f"module.backbone.{k}": v for k, v in state.items()}
    assert model.from_torchvision(prefixed)["cls_token"].shape == model.cls_token.shape
    torch.testing.assert_close(model.pos_embed[:, 1:], donor.pos_embed[:, 1:])


def test_conversion_from_timm_leaves_the_plain_patches_out():
    from timm.models.vision_transformer import VisionTransformer

    plain = VisionTransformer(img_size=48, embed_dim=32, depth=2, num_heads=4, num_classes=5)
    model = vit(regions=2)
    found = one_token(plain.state_dict(), model)
    assert not [k for k in found if k.startswith(("patch_embed", "stems", "head"))]
    missing, _ = model.load_state_dict(found, strict=False)
    assert all(k.startswith(("stems.", "neck.", "attend")) for k in missing)
    torch.testing.assert_close(model.blocks[1].mlp.fc1.weight, plain.blocks[1].mlp.fc1.weight)


def test_conversion_bad_input():
    _, state = one_token_checkpoint(grid=(3, 2))
    model = vit(regions=2)
    with pytest.raises(ValueError, match="grid"):
        one_token(state, model)
    assert one_token(state, model, grid=(3, 2))["pos_embed"].shape == (1, 10, 32)
    with pytest.raises(ValueError, match="cls_token"):
        one_token({}, model)
    with pytest.raises(ValueError, match=r"one token for this model is \(1, 1, 16\)"):
        one_token(state, vit(width=16), grid=(3, 2))


# ---- the residual variant ----


def test_resnet_map_and_feature():
    torch.manual_seed(0)
    model = RegionNet(attention="feature_map").eval()
    x, codes = pictures(3, 128, 64), torch.tensor([0, 1, 2])
    assert model.maps(x, codes).shape == (3, 512, 8, 4)
    out = model(x, codes)
    assert out.x.shape == (3, 512) and out.tokens.shape == (3, 4, 128)
    assert out.attention.shape == (3, 512)
    assert attention_maps(model, x, codes).spatial.shape == (3, 1, 8, 4)


def test_resnet50_map():
    with torch.device("meta"):
        model, x = RegionNet(trunk="resnet50", dim=256), torch.empty(1, 3, 384, 128)
    assert model.maps(x, torch.zeros(1, dtype=torch.int64)).shape == (1, 2048, 24, 8)


def small(**options):
    torch.manual_seed(0)
    return RegionNet(trunk="small", dim=16, trunk_options={"width": 8, "dim": 32}, **options)


def test_stripes():
    x = torch.rand(2, 5, 6, 3, generator=torch.Generator().manual_seed(0))
    pooled = stripe_pool(x, 3)
    for n in range(3):
        expected = (x[:, :, 2 * n : 2 * n + 2].pow(3).mean((2, 3)) + 1e-12).pow(1 / 3)
        torch.testing.assert_close(pooled[:, n], expected)
    uneven = stripe_pool(x, 4)[:, 1]  # rows floor(6/4) to ceil(12/4) - 1
    torch.testing.assert_close(uneven, (x[:, :, 1:3].pow(3).mean((2, 3)) + 1e-12).pow(1 / 3))


def test_a_region_sees_its_stripe():
    model = small(regions=2).eval()
    a = torch.rand(1, 32, 4, 3, generator=torch.Generator().manual_seed(0))
    b = a.clone()
    b[:, :, 2:] += 1
    tokens = []
    for x in (a, b):
        model.maps = lambda *_, x=x: x
        tokens.append(model(pictures(1), torch.zeros(1, dtype=torch.int64)).tokens)
        torch.testing.assert_close(tokens[-1][:, 1], model.project[1](stripe_pool(x, 2)[:, 1]))
    torch.testing.assert_close(tokens[0][:, 0], tokens[1][:, 0])


@pytest.mark.parametrize("network", [SmallRegions, SqueezeRegions])
def test_attention_is_a_switch(network):
    torch.manual_seed(0)
    model = network(regions=3).eval()
    x, codes = pictures(2), torch.tensor([0, 1])
    on = model(x, codes)
    model.attend.fill_(False)
    off = model(x, codes)
    assert on.attention is not None and off.attention is None
    assert (on.x - off.x).abs().max() > 1e-3


def test_the_switch_of_attention_is_saved_with_the_weights(tmp_path):
    torch.manual_seed(0)
    model = SmallRegions(regions=3).eval()
    model.attend.fill_(False)
    save(model, tmp_path / "off.safetensors")
    other = load_weights(SmallRegions(regions=3), tmp_path / "off.safetensors").eval()
    x, codes = pictures(2), torch.tensor([0, 1])
    assert other(x, codes).attention is None
    torch.testing.assert_close(other(x, codes).x, model(x, codes).x)
    with pytest.raises(ValueError, match="turned off"):
        attention_maps(other, x, codes)


@pytest.mark.parametrize("trunk", ["small", "squeezenet"])
def test_trunks_take_the_plain_networks_weights(trunk, tmp_path):
    torch.manual_seed(1)
    donor = build(trunk)
    save(donor, tmp_path / "w.safetensors")
    model = build("regions", trunk=trunk, regions=3, weights=tmp_path / "w.safetensors").eval()
    x = pictures(2).contiguous(memory_format=torch.channels_last)
    codes, convert = torch.tensor([0, 1]), getattr(donor, "convert", torch.nn.Identity())
    theirs = donor.eval().shared(donor.stems(convert(x), codes))
    torch.testing.assert_close(model.maps(x, codes), theirs)
    save(model, tmp_path / "own.safetensors")
    again = build("regions", trunk=trunk, regions=3, weights=tmp_path / "own.safetensors").eval()
    torch.testing.assert_close(again(x, codes).x, model(x, codes).x)


def test_resnet_takes_torchvisions_weights(tmp_path):
    import torchvision

    torch.manual_seed(1)
    plain = torchvision.models.resnet18()
    torch.save(plain.state_dict(), tmp_path / "resnet18.pth")
    model = build("regions", weights=tmp_path / "resnet18.pth")
    for stem in (model.stems.visible, model.stems.infrared):
        assert torch.equal(stem.conv1.weight, plain.conv1.weight)
    assert torch.equal(model.shared.layer4[1].conv2.weight, plain.layer4[1].conv2.weight)
    with pytest.raises(ValueError, match=r"trunk='small'; take resnet18"):
        build("regions_small", weights="imagenet")
    with pytest.raises(ValueError, match="convention='torchvision'"):
        build("regions_squeezenet", weights="imagenet")
    with pytest.raises(ValueError, match="missing"):
        build("regions", trunk="resnet50", weights=tmp_path / "resnet18.pth")


def test_vit_takes_a_one_token_file(tmp_path):
    _, state = one_token_checkpoint()
    torch.save(state, tmp_path / "vit.pth")
    model = build("vit", regions=2, weights=tmp_path / "vit.pth", **TINY)
    torch.testing.assert_close(model.blocks[0].norm1.weight, state["blocks.0.norm1.weight"])
    torch.testing.assert_close(model.cls_token[0, 1], state["cls_token"][0, 0])
    save(model, tmp_path / "own.safetensors")
    again = build("vit", regions=2, weights=tmp_path / "own.safetensors", **TINY)
    assert torch.equal(again.pos_embed, model.pos_embed)


def test_vit_does_not_start_from_random_weights_in_silence(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert usual_weights("vit", "imagenet", tmp_path) == "lup"
    with pytest.raises(FileNotFoundError, match=r"LUPerson.*TransReID-SSL.*--weights none"):
        build("vit", regions=2, weights="lup", **TINY)
    _, state = one_token_checkpoint()
    (tmp_path / "checkpoints").mkdir()
    torch.save({"teacher": state}, tmp_path / "checkpoints" / LUP)
    model = build("vit", regions=2, weights="lup", **TINY)
    torch.testing.assert_close(model.blocks[1].norm1.weight, state["blocks.1.norm1.weight"])
    with pytest.raises(
        ValueError, match=r"no LUPerson weights for Small; known: weights='synthvi'"
    ):
        build("small", weights="lup")


def test_residual_variant_bad_input():
    with pytest.raises(ValueError, match="regions=9 is more than the 8 rows"):
        small(regions=9)(pictures(), torch.zeros(4, dtype=torch.int64))
    with pytest.raises(ValueError, match="feature_map"):
        RegionNet(attention="pre_last_block")
    with pytest.raises(ValueError, match="trunk"):
        RegionNet(trunk="vgg")
    with pytest.raises(ValueError, match="regions=0"):
        RegionNet(regions=0)
