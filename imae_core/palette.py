"""The colours and axis titles that figures share, in the dashboard and in reports."""

# Okabe and Ito's palette: told apart by colour-blind eyes
COLOR = {"clean": "#0072B2", "corrupted": "#D55E00", "all": "#7F7F7F", "selected": "#8F2D9B"}
# for losses and runs; none is a colour of a population. Four of Okabe and Ito's, and four that keep away from them in
# eyes of any kind and stand out from a white and from a nearly black page
SERIES = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#857000", "#A55DFF", "#4A7078", "#CD00BA")

AXIS = {
    "p_label": "p, probability of the given label",
    "weight": "weight (L1 norm of the gradient w.r.t. the logits)",
    "loss": "cross entropy of the given label, -log p",
    "margin": "margin (logit of the given label minus the largest other)",
}
