"""What changed between two releases, in JSON."""

from __future__ import annotations

from rest_framework import serializers

from backend.releases.models import ComparisonState


class DiffQuery(serializers.Serializer):
    against = serializers.CharField(
        required=False, max_length=400, help_text="lab/slug@version of the release before; the parent if not given"
    )


class DiffImages(serializers.Serializer):
    """Images of both releases, and how many of them were touched."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    what = serializers.DictField(child=serializers.IntegerField(), help_text="what changed -> images")
    moves = serializers.DictField(child=serializers.IntegerField(), help_text="train -> test: images")


class DiffCells(serializers.Serializer):
    """Cells, subjects, regions or tracks, accounted for to the last one."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()
    removed = serializers.IntegerField()
    added = serializers.IntegerField()
    died = serializers.IntegerField()
    born = serializers.IntegerField()
    split = serializers.IntegerField()
    split_into = serializers.IntegerField()
    merged_from = serializers.IntegerField()
    merged = serializers.IntegerField()
    reshaped = serializers.IntegerField()
    reclassed = serializers.IntegerField()
    same = serializers.IntegerField()


class DiffLinks(serializers.Serializer):
    """Links between cells of movies."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()


class DiffDivisions(serializers.Serializer):
    """Divisions of movies."""

    born = serializers.IntegerField()
    died = serializers.IntegerField()
    changed = serializers.IntegerField()


class DiffClassPair(serializers.Serializer):
    """Pixels that had one class and have another; empty where unknown."""

    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    pixels = serializers.IntegerField()


class DiffClass(serializers.Serializer):
    """Pixels of one class in the images of both releases."""

    name = serializers.CharField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()
    both = serializers.IntegerField()
    dice = serializers.FloatField(allow_null=True)


class DiffPixels(serializers.Serializer):
    """Pixels of semantic maps."""

    changed = serializers.IntegerField()
    pairs = DiffClassPair(many=True)
    classes = DiffClass(many=True)


class DiffSummary(serializers.Serializer):
    """The numbers; sections that the task has nothing for are left out."""

    before = serializers.CharField(help_text="lab/slug@version")
    after = serializers.CharField(help_text="lab/slug@version")
    task = serializers.CharField()
    same = serializers.BooleanField()
    images = DiffImages()
    cells = DiffCells(required=False)
    tracks = DiffCells(required=False)
    links = DiffLinks(required=False)
    divisions = DiffDivisions(required=False)
    pixels = DiffPixels(required=False)
    answers = serializers.IntegerField(required=False)
    facts = serializers.DictField(help_text="title, licence, ontology: [before, after]")


class DiffImage(serializers.Serializer):
    """One image that was added, removed or changed."""

    image = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["added", "removed", "changed"])
    what = serializers.ListField(child=serializers.CharField())
    split_before = serializers.CharField(allow_blank=True)
    split_after = serializers.CharField(allow_blank=True)
    cells_before = serializers.IntegerField()
    cells_after = serializers.IntegerField()
    changes = serializers.IntegerField()


class DiffCell(serializers.Serializer):
    """One of the cells that changed most, with its picture: the image, before, after."""

    image = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=["born", "died", "reshaped", "reclassed", "split", "merged", "repainted"])
    before = serializers.ListField(child=serializers.IntegerField())
    after = serializers.ListField(child=serializers.IntegerField())
    iou = serializers.FloatField(allow_null=True)
    area_before = serializers.IntegerField()
    area_after = serializers.IntegerField()
    classes_before = serializers.ListField(child=serializers.CharField())
    classes_after = serializers.ListField(child=serializers.CharField())
    frame = serializers.IntegerField(allow_null=True)
    picture_url = serializers.CharField()


class DiffTable(serializers.Serializer):
    """A parquet file of every change."""

    name = serializers.CharField()
    bytes = serializers.IntegerField()
    url = serializers.CharField()


class ReleaseDiffSerializer(serializers.Serializer):
    """What changed from one release to another; only state and error until it is done."""

    state = serializers.ChoiceField(choices=ComparisonState.choices)
    error = serializers.CharField(allow_blank=True)
    before = serializers.CharField(help_text="lab/slug@version")
    after = serializers.CharField(help_text="lab/slug@version")
    before_sha256 = serializers.CharField(
        allow_blank=True, help_text="of the manifests; a draft's as it would be sealed"
    )
    after_sha256 = serializers.CharField(allow_blank=True, help_text="of the manifest; a draft's as it would be sealed")
    summary = DiffSummary(allow_null=True)
    images = DiffImage(many=True, help_text="the first 200, most changes first")
    cells = DiffCell(many=True, help_text="those that changed most, each kind in turn")
    tables = DiffTable(many=True)
