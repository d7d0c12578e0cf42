"""Linking learned from movies: hypotheses in, weights of ``cellcommons.linking.learned`` out."""
