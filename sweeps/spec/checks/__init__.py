"""Laws of a spec that pydantic cannot say."""
