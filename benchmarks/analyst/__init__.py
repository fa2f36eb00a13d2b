"""The script that an analyst would write first for each detector: pandas, networkx, a loop.

Each takes the contract's tables as data frames, timestamps already read, and answers with pairs
of a provider and whom or what the finding is about. They stand here to be compared with: in
time, and as a second opinion on the answers.
"""
