//! Cost, ROI and funnels over arbitrary pivots of a Quipu store.
