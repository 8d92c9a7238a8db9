"""How well calls carry over to another lab's data: Needle beside its peers, from the same files."""
