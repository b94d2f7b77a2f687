"""Recommendations in the console, as the online side makes them: experiments with two rankings
(`experiment_admin`), and what one session is shown, and why (`session_page`)."""
