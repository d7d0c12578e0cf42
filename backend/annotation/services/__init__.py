"""What other apps may ask of annotation."""

from backend.annotation.services.campaigns import close_campaign, create_campaign, open_campaign
from backend.annotation.services.drafts import attach_draft
from backend.annotation.services.ranking import rank_items

__all__ = ["attach_draft", "close_campaign", "create_campaign", "open_campaign", "rank_items"]
