"""Predictions beside what other people measured."""
