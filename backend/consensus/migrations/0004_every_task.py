"""Answers in question beside pixels: what a disagreement decides, and what was decided."""

from django.db import migrations, models

KEEPS_ITS_WORDS = """
CREATE OR REPLACE FUNCTION disagreement_keeps_its_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'open'
       OR ({new}) IS DISTINCT FROM ({old}) THEN
        RAISE EXCEPTION 'a disagreement changes its state only, and once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
BEFORE = ("id", "consensus_id", "item_id", "index", "kind", "box", "options")
AFTER = (*BEFORE, "keys", "frame")


def keeping(columns: tuple[str, ...]) -> str:
    new, old = (", ".join(f"{row}.{name}" for name in columns) for row in ("NEW", "OLD"))
    return KEEPS_ITS_WORDS.format(new=new, old=old)


class Migration(migrations.Migration):
    dependencies = [("consensus", "0003_append_only")]
    operations = [
        migrations.AddField(
            model_name="disagreement",
            name="keys",
            field=models.JSONField(
                default=list, help_text="of the answers it decides; empty where it decides the box's pixels"
            ),
        ),
        migrations.AddField(
            model_name="disagreement",
            name="frame",
            field=models.PositiveIntegerField(blank=True, help_text="of a movie", null=True),
        ),
        migrations.AlterField(
            model_name="disagreement",
            name="options",
            field=models.JSONField(
                help_text="[{index, readings: [annotation ids], cells, labels: base64 raw-deflated uint32 of the box "
                "or null, values: {key: value or null} or null}]"
            ),
        ),
        migrations.AlterField(
            model_name="disagreement",
            name="kind",
            field=models.CharField(
                choices=[
                    ("existence", "Existence"),
                    ("split", "Split"),
                    ("extent", "Extent"),
                    ("class", "Class"),
                    ("link", "Link"),
                    ("division", "Division"),
                    ("failure", "Failure"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="adjudication",
            name="values",
            field=models.JSONField(blank=True, help_text="{key: value or null}, as decided", null=True),
        ),
        migrations.AlterField(
            model_name="adjudication",
            name="labels",
            field=models.TextField(blank=True, help_text="base64 raw-deflated uint32 of the box, as decided"),
        ),
        migrations.AlterField(
            model_name="adjudication",
            name="option",
            field=models.SmallIntegerField(
                blank=True, help_text="index of the option chosen; NULL: said anew or nothing", null=True
            ),
        ),
        migrations.AlterField(
            model_name="consensus",
            name="labels_sha256",
            field=models.CharField(help_text="Reading tree", max_length=64),
        ),
        migrations.AlterField(
            model_name="consensus",
            name="cells",
            field=models.PositiveIntegerField(help_text="cells, classes, subjects, tracks or failure regions"),
        ),
        migrations.AddConstraint(
            model_name="adjudication",
            constraint=models.CheckConstraint(
                condition=models.Q(("labels", ""), _negated=True) | models.Q(("values__isnull", False)),
                name="a_decision_says_something",
            ),
        ),
        migrations.RunSQL(keeping(AFTER), keeping(BEFORE)),
    ]
