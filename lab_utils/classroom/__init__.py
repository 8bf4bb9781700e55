"""For a class: editions for nbgrader, one learner's report, the teacher's page, the offline folder.

How to teach with it: TEACHING.md.
"""
