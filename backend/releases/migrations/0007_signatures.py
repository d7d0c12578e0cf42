import uuid

import django.db.models.deletion
from django.db import migrations, models

FINAL = """
CREATE FUNCTION signature_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was signed stays signed, and by which key' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER signature_is_final BEFORE UPDATE OR DELETE ON releases_manifestsignature
    FOR EACH ROW EXECUTE FUNCTION signature_is_final();
CREATE TRIGGER signing_key_stays_listed BEFORE UPDATE OR DELETE ON releases_signingkey
    FOR EACH ROW EXECUTE FUNCTION signature_is_final();
"""
NOT_FINAL = """
DROP TRIGGER signature_is_final ON releases_manifestsignature;
DROP TRIGGER signing_key_stays_listed ON releases_signingkey;
DROP FUNCTION signature_is_final();
"""


class Migration(migrations.Migration):
    dependencies = [("releases", "0006_versions")]
    operations = [
        migrations.CreateModel(
            name="SigningKey",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created", models.DateTimeField(auto_now_add=True, db_index=True)),
                ("key", models.CharField(help_text="ed25519, 32 bytes as hex", max_length=64, unique=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("key__regex", "^[0-9a-f]{64}$")), name="signing_key_is_32_bytes"
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="ManifestSignature",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("created", models.DateTimeField(auto_now_add=True, db_index=True)),
                ("signature", models.CharField(max_length=128)),
                (
                    "key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="releases.signingkey",
                    ),
                ),
                (
                    "release",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="signatures", to="releases.release"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("release", "key"), name="signed_once_by_a_key"),
                    models.CheckConstraint(
                        condition=models.Q(("signature__regex", "^[0-9a-f]{128}$")),
                        name="manifest_signature_is_64_bytes",
                    ),
                ]
            },
        ),
        migrations.RunSQL(FINAL, NOT_FINAL),
    ]
